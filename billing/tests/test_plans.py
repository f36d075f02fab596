import pytest

from billing.models import Plan

pytestmark = pytest.mark.django_db


def test_the_plans_exist_from_the_start() -> None:
    assert set(Plan.objects.values_list("code", flat=True)) == {"starter", "growth", "scale", "enterprise"}


def test_only_the_starter_plan_gives_the_usual_credits() -> None:
    assert list(Plan.objects.filter(signup_credits=None).values_list("code", flat=True)) == ["starter"]
