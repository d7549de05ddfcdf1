"""Who visits the pages: alice administers, carol reads, bob is signed in and is no staff."""

import pytest
from django.contrib.auth.models import User
from django.test import Client


@pytest.fixture
def alice(db: None) -> User:
    return User.objects.create_superuser("alice", password="correct horse")


@pytest.fixture
def staff(alice: User) -> Client:
    client = Client()
    client.force_login(alice)
    return client


@pytest.fixture
def reader(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_user("carol", password="battery staple", is_staff=True))
    return client


@pytest.fixture
def outsider(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_user("bob", password="battery staple"))
    return client
