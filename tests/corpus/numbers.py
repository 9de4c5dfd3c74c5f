# SPDX-License-Identifier: Apache-2.0
"""int, bool, float, complex, Decimal, Fraction: every size of int digit array, signs, limits, special values."""

import decimal
import fractions
import sys

from .compare import described
from .entry import Group

NUMBERS = Group("number")

NUMBERS.values(
    none=None,
    true=True,
    false=False,
    ellipsis=...,
    not_implemented=NotImplemented,
)

NUMBERS.values(
    int_zero=0,
    int_one=1,
    int_minus_one=-1,
    int_small_cache_end=256,
    int_after_small_cache=257,
    int_before_small_cache=-6,
    int_one_digit=2**30 - 1,
    int_two_digits=2**30,
    int_three_digits=2**60,
    int_minus_one_digit=-(2**30) + 1,
    int_minus_two_digits=-(2**30),
    int_minus_three_digits=-(2**60),
    int_32_bits=2**32 - 1,
    int_int64_max=2**63 - 1,
    int_int64_min=-(2**63),
    int_beyond_int64=2**63,
    int_beyond_int64_negative=-(2**63) - 1,
    int_uint64_max=2**64 - 1,
    int_beyond_uint64=2**64,
    int_2_90=2**90,
    int_minus_2_90=-(2**90),
    int_2_90_minus_1=2**90 - 1,
    int_byte_edge=-(2**71),
    int_ten_5000=10**5000,
    int_minus_ten_5000=-(10**5000),
    int_megabit=(1 << 1_000_000) + 1,
)

NUMBERS.values(
    float_zero=0.0,
    float_minus_zero=-0.0,
    float_tenth=0.1,
    float_max=sys.float_info.max,
    float_min=sys.float_info.min,
    float_denormal=5e-324,
    float_infinity=float("inf"),
    float_minus_infinity=float("-inf"),
    float_nan=float("nan"),
    float_minus_nan=-float("nan"),
    float_integral=1e300,
    complex_zero=0j,
    complex_both=1.5 - 2.5j,
    complex_minus_zero=complex(-0.0, -0.0),
    complex_nan=complex(float("nan"), float("inf")),
)

NUMBERS.values(
    decimal_zero=decimal.Decimal(0),
    decimal_minus_zero=decimal.Decimal("-0"),
    decimal_cents=decimal.Decimal("12.50"),
    decimal_negative=decimal.Decimal("-0.001"),
    decimal_exponent=decimal.Decimal("1E+999"),
    decimal_tiny=decimal.Decimal("1E-999"),
    decimal_infinity=decimal.Decimal("Infinity"),
    decimal_minus_infinity=decimal.Decimal("-Infinity"),
    decimal_nan=decimal.Decimal("NaN"),
    decimal_snan=decimal.Decimal("sNaN"),
    decimal_nan_payload=decimal.Decimal("-NaN123"),
    decimal_20_digits=decimal.Decimal("12345678901234567890"),
    decimal_4_words=decimal.Decimal("1" * 76),
    decimal_huge=decimal.Decimal("9" * 5000 + "." + "1" * 5000),
    fraction=fractions.Fraction(-22, 7),
    fraction_huge=fractions.Fraction(10**50 + 1, 3**80),
    fraction_zero=fractions.Fraction(0),
)


def fraction_parts(numerator, denominator):
    return lambda found: described(found, "Fraction", _numerator=numerator, _denominator=denominator)


NUMBERS.check("fraction")(fraction_parts(-22, 7))
NUMBERS.check("fraction_huge")(fraction_parts(10**50 + 1, 3**80))
NUMBERS.check("fraction_zero")(fraction_parts(0, 1))


class Cents(int):
    pass


class Ratio(float):
    pass


class Impedance(complex):
    pass


class Price(decimal.Decimal):
    pass


def with_note(number: object) -> object:
    number.note = ["attribute"]  # type: ignore[attr-defined]
    return number


NUMBERS.add("subclass_int", lambda: with_note(Cents(1250)))
NUMBERS.add("subclass_int_zero", lambda: with_note(Cents(0)))
NUMBERS.add("subclass_int_negative", lambda: with_note(Cents(-(2**90))))
NUMBERS.add("subclass_int_bare", lambda: Cents(7))
NUMBERS.add("subclass_float", lambda: with_note(Ratio(-0.0)))
NUMBERS.add("subclass_complex", lambda: with_note(Impedance(1, -2)))
NUMBERS.add("subclass_decimal", lambda: with_note(Price("12.50")))


@NUMBERS.check("subclass_decimal")
def decimal_with_attribute(found):
    described(found, "Price", note=["attribute"])
    if "12.50" not in repr(found):
        raise AssertionError(f"the amount is not in {found!r}")
