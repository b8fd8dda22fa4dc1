"""The start's own rules: ports apart, secrets kept, outside servers honoured."""

import json
import stat

import pytest

from deploy.local.engines import PASSWORDS, Engines
from deploy.local.passwords import read_passwords
from deploy.local.places import Place
from deploy.local.ports import SPAN, Ports
from deploy.local.processes import Processes
from deploy.local.supervision import Supervisor


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def engines(place, environment):
    passwords = read_passwords(place, PASSWORDS)
    return Engines(place, Ports(8000), passwords, environment=environment)


def processes(place, environment=None):
    return Processes(Ports(8000), engines(place, environment or {}), "calendar-month")


def test_two_systems_that_lie_far_enough_apart_share_no_port(place):
    programs = (*engines(place, {}).programs(), *processes(place).programs())
    mine = {program.port for program in programs}
    assert len(mine) == len(programs)
    assert max(mine) < 8000 + SPAN


def test_secrets_are_made_once_and_readable_by_the_owner_alone(place):
    first = read_passwords(place, ("a", "b"))
    again = read_passwords(place, ("a", "b", "c"))
    assert (first["a"], first["b"]) == (again["a"], again["b"])
    assert len({again["a"], again["b"], again["c"]}) == 3
    mode = stat.S_IMODE((place.folder / "secrets.json").stat().st_mode)
    assert mode == 0o600


def test_a_part_that_the_environment_names_is_not_started(place):
    named = engines(
        place,
        {
            "AMQP_URI": "amqp://them:secret@mq.example:5672/them",
            "DATABASE_ADMIN_URL": "postgresql://them:secret@db.example:5432/postgres",
        },
    )
    assert [program.kind for program in named.programs()] == ["store"]
    assert named.amqp_uri("apply") == "amqp://them:secret@mq.example:5672/them"
    assert named.database_url("apply").partition("@")[2] == "db.example:5432/apply"


def test_its_own_env_file_read_into_the_shell_names_no_other_server(place):
    own = engines(place, {})
    told = {"AMQP_URI": own.amqp_uri("operator"), "S3_ENDPOINT_URL": own.s3_endpoint_url()}
    kinds = {program.kind for program in engines(place, told).programs()}
    assert kinds == {"postgres", "epmd", "rabbitmq", "store"}


def test_every_process_has_its_own_login_at_broker_and_database(place):
    programs = [each for each in processes(place).programs() if each.kind != "gateway"]
    urls = {program.kind: program.environment["DANZHENG_DATABASE_URL"] for program in programs}
    uris = {program.kind: program.environment["DANZHENG_AMQP_URI"] for program in programs}
    assert len(set(urls.values())) == len(set(uris.values())) == 5
    assert all(f"//{kind}:" in url and url.endswith(f"/{kind}") for kind, url in urls.items())


def test_the_sandbox_does_not_wait_and_allows_a_hundredfold(place):
    environment = processes(place).room_environment("apply")
    assert json.loads(environment["DANZHENG_RETRY_PAUSES_MS"]) == [100] * 4
    assert environment["DANZHENG_DAILY_ITEMS"] == "200000"


def test_a_value_with_both_kinds_of_quotes_is_refused(place):
    supervisor = Supervisor(place, Ports(8000), read_passwords(place, PASSWORDS))
    program = processes(place).programs()[0]
    environment = dict(program.environment) | {"DANZHENG_ODD": "\"'"}
    odd = type(program)(program.name, "auth", program.command, 1, environment)
    with pytest.raises(ValueError, match="quote"):
        supervisor.configure([odd])
