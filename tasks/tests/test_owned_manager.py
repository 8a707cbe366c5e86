import pytest

from tasks.managers import UserIdRequired
from tasks.models import Task
from tasks.tests.factories import make_task
from todo_site.better_auth.models import User


def test_shows_only_the_users_own_rows(alice: User, bob: User) -> None:
    mine = make_task(user_id=alice.id)
    make_task(user_id=bob.id)
    assert list(Task.objects.for_user(alice.id)) == [mine]
    with pytest.raises(UserIdRequired):
        Task.objects.count()
