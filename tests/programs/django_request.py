# SPDX-License-Identifier: Apache-2.0
"""A Django application whose view looks a row up that is not there."""

import django
import pyheapdump
from django.conf import settings
from django.http import JsonResponse
from django.test import Client
from django.urls import path

pyheapdump.install()
settings.configure(
    DEBUG=False, ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="not secret", LOGGING_CONFIG=None
)
django.setup()

ARTICLES = {"nut": {"price": 5}}


class Shelf:
    def __init__(self, name):
        self.name = name
        self.articles = dict(ARTICLES)

    def price(self, article):
        return self.articles[article]["price"]


def show_price(request, article):
    shelf = Shelf("first floor")
    return JsonResponse({"price": shelf.price(article)})


urlpatterns = [path("price/<str:article>", show_price)]

Client(headers={"x-trace": "trace-77"}).get("/price/bolt?currency=EUR")
