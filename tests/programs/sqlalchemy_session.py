# SPDX-License-Identifier: Apache-2.0
"""An SQLAlchemy session whose object graph has a hole: an order without a customer."""

import pyheapdump
from sqlalchemy import Column, ForeignKey, Integer, String, create_engine
from sqlalchemy.orm import Session, declarative_base, relationship

pyheapdump.install()
Base = declarative_base()


class Customer(Base):
    __tablename__ = "customer"
    id = Column(Integer, primary_key=True)
    name = Column(String)


class Order(Base):
    __tablename__ = "orders"
    id = Column(Integer, primary_key=True)
    article = Column(String)
    customer_id = Column(Integer, ForeignKey("customer.id"))
    customer = relationship(Customer)


def fill(session):
    session.add(Customer(id=1, name="ada"))
    session.add(Order(id=17, article="nut", customer_id=1))
    session.add(Order(id=18, article="bolt", customer_id=None))
    session.commit()


def labels(session):
    made = []
    for order in session.query(Order).order_by(Order.id):
        label = {"order": order.id, "article": order.article}
        label["name"] = order.customer.name.upper()
        made.append(label)
    return made


def main():
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        fill(session)
        print(labels(session))


main()
