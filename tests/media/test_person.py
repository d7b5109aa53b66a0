"""Whether a file names somebody else: real names of four languages, and laws that hold for any name."""

from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from media.kinds import NamedPerson
from media.name_sounds import spellings
from media.person import names_another

BORN = date(1980, 2, 29)


def another(name: str | None, given_name: str, family_name: str, *, born: str | None = None) -> bool:
    return names_another(NamedPerson(name, born), given_name, family_name, BORN)


@pytest.mark.parametrize(
    ("name", "given_name", "family_name"),
    [
        ("Rossi^Anna", "Anna", "Rossi"),
        ("ROSSI^ANNA^^DR", "Anna", "Rossi"),
        ("Anna Rossi", "Anna", "Rossi"),
        ("Rossi^Anna", "Anna", "Rossi-Bianchi"),
        ("D'Angelo^Niccolo", "Niccolò", "D’Angelo"),
        ("DeLuca^M", "Maria", "De Luca"),
        ("MUELLER^J", "Jürgen", "Müller"),
        ("MULLER^J", "Jürgen", "Müller"),
        ("Иванов^Пётр^Сергеевич", "Петр", "Иванов"),
        ("IVANOV^PETR", "Пётр", "Иванов"),
        ("SHCHUKINA^YULIIA", "Юлия", "Щукина"),
        ("Schukina^Julia", "Юлия", "Щукина"),
        ("Щукина^Юлия", "Yuliya", "Shchukina"),
        ("KHRUSHCHEV^NIKITA", "Никита", "Хрущёв"),
        ("TSOI^D", "Дмитрий", "Цой"),
        ("Жукова^Н", "Natalia", "Žukova"),
        ("Wang^XiaoDong=王^小东", "小东", "王"),
        ("王小东", "小东", "王"),
        ("=王^小东", "小东", "王"),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "太郎", "山田"),
        ("Παπαδοπουλος^Γιωργος", "Γιωργος", "Παπαδοπουλος"),
        ("Èâàíîâ^Ïåòð", "Пётр", "Иванов"),  # Windows-1251 that a device did not declare
        ("Ð˜Ð²Ð°Ð½Ð¾Ð²".encode("cp1252").decode("latin-1"), "Пётр", "Иванов"),  # UTF-8 likewise
        ("王^小东".encode("gb18030").decode("latin-1"), "小东", "王"),
    ],
)
def test_the_same_person_is_known_in_another_spelling(name: str, given_name: str, family_name: str) -> None:
    assert not another(name, given_name, family_name)


@pytest.mark.parametrize(
    ("name", "given_name", "family_name"),
    [
        ("Verdi^Carlo", "Anna", "Rossi"),
        ("De Luca^Carlo", "Maria", "De Santis"),
        ("Петров^Иван", "Пётр", "Сидоров"),
        ("PETROV^IVAN", "Анна", "Сидорова"),
        ("Èâàíîâ^Ïåòð", "Анна", "Росси"),
        ("王^大明", "小东", "王"),
        ("Rossi^Anna=王^大明", "小东", "李"),
    ],
)
def test_somebody_else_is_told_apart(name: str, given_name: str, family_name: str) -> None:
    assert another(name, given_name, family_name)


@pytest.mark.parametrize(
    "name", [None, "", "^^^^", "ANONYMOUS", "Unknown^Patient", "Тест^Пациент", "12345", "Wang^XiaoDong"]
)
def test_a_name_that_cannot_be_compared_speaks_against_nobody(name: str | None) -> None:
    assert not another(name, "小东", "王")
    assert not another(name if name != "Wang^XiaoDong" else None, "Anna", "Rossi")


@pytest.mark.parametrize("name", [None, "Rossi^Anna", "Verdi^Carlo"])
def test_another_birth_date_is_another_person(name: str | None) -> None:
    assert another(name, "Anna", "Rossi", born="1980-02-28")


@pytest.mark.parametrize(
    ("name", "given_name", "family_name"),
    [
        (None, "Anna", "Rossi"),
        ("ROSSI^ANNA", "Anna", "Rossi"),
        ("ANNA^ROSSI", "Anna", "Rossi"),
        ("ANNA ROSSI", "Anna", "Rossi"),
        ("ROSSI", "Anna", "Rossi"),
        ("ROSSI^A.", "Anna", "Rossi"),
        ("ROSSI^12345", "Anna", "Rossi"),
        ("BIANCHI^ANNA", "Anna", "Rossi"),
        ("ROSSI^ANNA MARIA", "Maria", "Rossi"),
        ("ROSSI^MARIA", "Anna Maria", "Rossi"),
        ("IVANOV^ALEX", "Александр", "Иванов"),
        ("Щукина^Ю", "Julia", "Shchukina"),
        ("Èâàíîâ^Ïåòð", "Пётр", "Иванов"),
        ("王^小东", "小东", "王"),
        ("王小东", "小东", "王"),
        ("Wang^XiaoDong", "小东", "王"),
    ],
)
def test_an_equal_birth_date_and_an_agreeing_name_are_the_same_person(
    name: str | None, given_name: str, family_name: str
) -> None:
    assert not another(name, given_name, family_name, born="1980-02-29")


@pytest.mark.parametrize(
    ("name", "given_name", "family_name"),
    [
        ("ROSSI^GIULIA", "Anna", "Rossi"),
        ("GIULIA^ROSSI", "Anna", "Rossi"),
        ("ANNARUMMA^GIULIA", "Anna", "Annarumma"),
        ("PETROV^IVAN", "Anna", "Rossi"),
        ("Иванова^Мария", "Anna", "Ivanova"),
        ("王^小明", "小东", "王"),
    ],
)
def test_twins_and_strangers_born_on_one_day_are_told_apart(name: str, given_name: str, family_name: str) -> None:
    assert another(name, given_name, family_name, born="1980-02-29")


@pytest.mark.parametrize("born", [None, "", "1900-01-01", "0001-01-01", "yesterday"])
def test_a_birth_date_that_says_nothing_leaves_it_to_the_name(born: str | None) -> None:
    assert not another("Rossi^Anna", "Anna", "Rossi", born=born)
    assert another("Verdi^Carlo", "Anna", "Rossi", born=born)


def test_a_patient_whose_birth_date_is_not_known_is_compared_by_name() -> None:
    assert names_another(NamedPerson("Verdi^Carlo", "1980-02-29"), "Anna", "Rossi", None)
    assert not names_another(NamedPerson("Rossi^Anna", "1970-01-01"), "Anna", "Rossi", None)


words = st.text(st.characters(categories=["L"]), min_size=1, max_size=12)
latin = st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyzäöüéšč"), min_size=2, max_size=12)


@given(words, words)
@example("Ç", "Ꙛ")
def test_a_name_is_never_another_than_itself(given_name: str, family_name: str) -> None:
    for name in (f"{family_name}^{given_name}", f"{given_name} {family_name}", f"{family_name.upper()}^{given_name}^^"):
        if name.upper().casefold() == name.casefold():
            assert not another(name, given_name, family_name)
            assert not another(name, given_name, family_name, born="1980-02-29")


@given(latin, latin, latin)
def test_one_shared_name_is_enough(shared: str, one: str, other: str) -> None:
    assert not another(f"{shared}xy^{one}", other, f"{shared}xy")


@given(st.text(max_size=60), st.text(max_size=20), st.text(max_size=20))
def test_any_bytes_of_a_device_get_an_answer(name: str, given_name: str, family_name: str) -> None:
    assert another(name, given_name, family_name) in (True, False)


@given(st.text(st.sampled_from("гёхцщъäö"), min_size=1, max_size=64))
def test_a_name_of_ambiguous_letters_stays_cheap(word: str) -> None:
    assert 1 <= len(spellings(word)) <= 32
