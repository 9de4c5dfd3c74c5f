# SPDX-License-Identifier: Apache-2.0
import pyheapdump
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404


class DumpMiddleware:
    """To be named in settings.MIDDLEWARE."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_exception(self, request, exception):
        if not isinstance(exception, (Http404, PermissionDenied, SuspiciousOperation)):
            pyheapdump.dump_once(exception, label=f"{request.method} {request.path}")


# --- a program that uses it

import django  # noqa: E402
from django.conf import settings  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import path  # noqa: E402

settings.configure(
    DEBUG=False,
    ROOT_URLCONF=__name__,
    ALLOWED_HOSTS=["*"],
    SECRET_KEY="none",
    LOGGING_CONFIG=None,
    MIDDLEWARE=[f"{__name__}.DumpMiddleware"],
)
django.setup()


def bill(request, order):
    near = {"order": order}
    return near["price"]


def gone(request):
    raise Http404


urlpatterns = [path("bill/<int:order>", bill), path("gone", gone)]
client = Client(raise_request_exception=False)
print(client.get("/bill/17").status_code, client.get("/gone").status_code, client.get("/none").status_code)
