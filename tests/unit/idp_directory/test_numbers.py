"""Person numbers and activation codes: every single error and every swap is found."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.directory.activation_code import new_activation_code, parse_activation_code
from idp.directory.eid import new_eid, parse_eid
from idp.directory.errors import InputError
from idp.directory.input_errors import ActivationCodeFormError, EidCheckError, EidLengthError, EidSignError
from idp.directory.signs import ALPHABET, LETTERS, check_sign

payloads = st.builds(
    lambda first, rest: first + rest,
    st.sampled_from(LETTERS),
    st.text(alphabet=ALPHABET, min_size=12, max_size=12),
)


def test_the_worked_example_of_the_standard() -> None:
    assert check_sign("P7K3W0QR4XT1M") == "1"
    assert parse_eid("P7K3W0QR4XT1M1") == "P7K3W0QR4XT1M1"


@pytest.mark.parametrize(
    "typed",
    ["p7k3-w0qr-4xt1-m1", " P7K3 W0QR 4XT1 M1 ", "Ｐ７Ｋ３Ｗ０ＱＲ４ＸＴ１Ｍ１", "P7K3\u3000W0QR－4XT1—M1"],
)
def test_what_people_type_is_read(typed: str) -> None:
    assert parse_eid(typed) == "P7K3W0QR4XT1M1"


@given(payload=payloads)
def test_every_single_error_is_found(payload: str) -> None:
    eid = payload + check_sign(payload)
    assert parse_eid(eid) == eid
    for place, sign in itertools.product(range(len(eid)), ALPHABET):
        if sign != eid[place]:
            with pytest.raises(InputError):
                parse_eid(eid[:place] + sign + eid[place + 1 :])


@given(payload=payloads)
def test_every_swap_of_two_signs_is_found(payload: str) -> None:
    eid = payload + check_sign(payload)
    for a, b in itertools.combinations(range(len(eid)), 2):
        if eid[a] != eid[b]:
            swapped = list(eid)
            swapped[a], swapped[b] = eid[b], eid[a]
            with pytest.raises(InputError):
                parse_eid("".join(swapped))


def test_new_numbers_are_well_formed_and_differ() -> None:
    numbers = {new_eid() for _ in range(2_000)}
    assert len(numbers) == 2_000
    assert all(parse_eid(number) == number and number[0] in LETTERS for number in numbers)


@pytest.mark.parametrize(
    ("text", "error", "params"),
    [
        ("", EidLengthError, {"length": 0}),
        ("P7K3W0QR4XT1M", EidLengthError, {"length": 13}),
        ("P7K3W0QR4XT1M11", EidLengthError, {"length": 15}),
        ("07K3W0QR4XT1M1", EidSignError, {"place": 1, "sign": "0"}),
        ("P7K3O0QR4XT1M1", EidSignError, {"place": 5, "sign": "O"}),
        ("P7K3W0QR4XT1M2", EidCheckError, {}),
        ("一二三四五六七八九十一二三四", EidSignError, {"place": 1, "sign": "一"}),
    ],
)
def test_errors_name_place_and_reason(text: str, error: type[InputError], params: dict[str, object]) -> None:
    with pytest.raises(error) as caught:
        parse_eid(text)
    assert caught.value.params == params


def test_activation_codes_are_read_as_typed_and_typing_errors_are_found() -> None:
    code = new_activation_code()
    assert len(code) == 12
    assert parse_activation_code(f" {code[:4].lower()}-{code[4:8]} {code[8:]}") == code
    for place in range(12):
        for sign in ALPHABET:
            if sign != code[place]:
                with pytest.raises(ActivationCodeFormError):
                    parse_activation_code(code[:place] + sign + code[place + 1 :])
    for wrong in ("", code[:-1], code + "0", "O" * 12):
        with pytest.raises(ActivationCodeFormError):
            parse_activation_code(wrong)
