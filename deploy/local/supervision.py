"""The supervisor (supervisord): keeps every process of one running system, and ends only those.

Every process carries `DANZHENG_STARTED_BY` with the folder of its system in its environment; what
a dead supervisor left behind is found by that mark, never by name.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
import xmlrpc.client
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import psutil

from deploy.local.passwords import Passwords
from deploy.local.places import ROOT, VENV, Place, write_private
from deploy.local.ports import HOST, Ports

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from deploy.local.program import Program

MARK: Final = "DANZHENG_STARTED_BY"
_END_LIMIT_S: Final = 60


class SupervisorFault(Exception):
    """The supervisor did not do what it was asked."""


@dataclass(frozen=True)
class Supervisor:
    """The supervisor of one running system."""

    place: Place
    ports: Ports
    passwords: Passwords

    def configure(self, programs: Sequence[Program]) -> None:
        """Write the list of processes; a running supervisor takes up what changed."""
        write_private(self._configuration_path(), self._configuration(programs))
        if self.runs():
            self._take_up()

    def start(self) -> None:
        """Start the supervisor itself, without any process, unless it runs."""
        if self.runs():
            return
        end_leftovers(self.place)
        with self.place.log("supervisor").open("ab") as log:
            process = subprocess.Popen(
                [str(VENV / "bin" / "supervisord"), "-n", "-c", str(self._configuration_path())],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                cwd=ROOT,
                env=_environment(),
                start_new_session=True,
            )
        _remember(self.place, process.pid, self.ports)
        self._await_door(process)

    def runs(self) -> bool:
        """Whether the supervisor that was started here still runs."""
        return supervisor_process(self.place) is not None

    def run(self, name: str) -> None:
        """Start the process `name` unless it runs already."""
        state = self._door().getProcessInfo(name)["statename"]
        if state in {"RUNNING", "STARTING"}:
            return
        try:
            self._door().startProcess(name, False)
        except xmlrpc.client.Fault as fault:
            raise SupervisorFault(f"{name} could not be started: {fault.faultString}") from None

    def restart(self, name: str) -> None:
        """Stop and start the process `name`."""
        self.stop(name)
        self.run(name)

    def stop(self, name: str) -> None:
        """Stop the process `name` and wait for its end."""
        if self.state(name)["statename"] not in {"STOPPED", "EXITED", "FATAL"}:
            self._door().stopProcess(name, True)

    def state(self, name: str) -> dict[str, Any]:
        """What the supervisor knows of the process `name`."""
        known: dict[str, Any] = self._door().getProcessInfo(name)
        return known

    def states(self) -> dict[str, dict[str, Any]]:
        """What the supervisor knows of every process; nothing when it does not run."""
        if not self.runs():
            return {}
        return {known["name"]: known for known in self._door().getAllProcessInfo()}

    def end(self, *groups: Sequence[str]) -> None:
        """Stop group after group, each all at once, then all the rest and the supervisor."""
        process = supervisor_process(self.place)
        if process is not None:
            for names in groups:
                self._stop_together(names)
            process.terminate()
            _await_end(process)
        end_leftovers(self.place)
        _identity_path(self.place).unlink(missing_ok=True)

    def _stop_together(self, names: Sequence[str]) -> None:
        door, known = self._door(), self.states()
        asked = [name for name in names if known.get(name, {}).get("pid")]
        for name in asked:
            door.stopProcess(name, False)
        for name in asked:
            _await(lambda name=name: not self.state(name)["pid"], f"{name} does not end")

    def _take_up(self) -> None:
        door = self._door()
        added, changed, removed = door.reloadConfig()[0]
        for name in (*changed, *removed):
            door.stopProcessGroup(name, True)
            door.removeProcessGroup(name)
        for name in (*added, *changed):
            door.addProcessGroup(name)

    def _door(self) -> Any:
        login = f"supervisor:{self.passwords['supervisor']}"
        address = f"http://{login}@{HOST}:{self.ports['supervisor']}/RPC2"
        return xmlrpc.client.ServerProxy(address).supervisor

    def _await_door(self, process: subprocess.Popen[bytes]) -> None:
        def open_or_ended() -> bool:
            if process.poll() is not None:
                log = self.place.log("supervisor")
                raise SupervisorFault(f"the supervisor ended at once; see {log}")
            try:
                return bool(self._door().getState()["statename"] == "RUNNING")
            except OSError:
                return False

        _await(open_or_ended, "the supervisor does not answer")

    def _configuration_path(self) -> Path:
        return self.place.path("supervisor", "supervisord.conf")

    def _configuration(self, programs: Sequence[Program]) -> str:
        folder = self.place.path("supervisor", "pid").parent
        head = [
            "[supervisord]",
            f"logfile={_plain(str(self.place.log('supervisord')))}",
            f"pidfile={_plain(str(folder / 'pid'))}",
            f"childlogdir={_plain(str(folder))}",
            f"directory={_plain(str(ROOT))}",
            "loglevel=info",
            "minfds=4096",
            *(["user=root"] if _is_root() else []),
            "[inet_http_server]",
            f"port={HOST}:{self.ports['supervisor']}",
            "username=supervisor",
            f"password={self.passwords['supervisor']}",
            "[rpcinterface:supervisor]",
            "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface",
        ]
        sections = [self._section(rank, each) for rank, each in enumerate(programs, start=1)]
        return "\n".join(head) + "\n" + "\n".join(sections)

    def _section(self, rank: int, program: Program) -> str:
        environment = dict(program.environment) | {MARK: self.place.mark()}
        pairs = ",".join(f"{name}={_quoted(value)}" for name, value in environment.items())
        return "\n".join(
            [
                f"[program:{program.name}]",
                "command=" + " ".join(_quoted(word) for word in program.command),
                f"environment={pairs}",
                f"priority={rank}",
                "autostart=false",
                "autorestart=true",
                "startsecs=1",
                f"startretries={program.start_retries}",
                f"stopsignal={program.stop_signal}",
                f"stopwaitsecs={program.stop_wait_s}",
                "killasgroup=true",
                "redirect_stderr=true",
                f"stdout_logfile={_plain(str(self.place.log(program.name)))}",
                "stdout_logfile_maxbytes=50MB",
                "stdout_logfile_backups=2",
                "",
            ]
        )


def supervisor_process(place: Place) -> psutil.Process | None:
    """The supervisor started in `place`, known by its id and the moment of its birth."""
    path = _identity_path(place)
    if not path.exists():
        return None
    identity = json.loads(path.read_text())
    try:
        process = psutil.Process(identity["pid"])
        same = process.create_time() == identity["created"]
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None


def running_ports(place: Place) -> Ports | None:
    """The ports of the system that runs in `place`; None when none does."""
    if supervisor_process(place) is None:
        return None
    return Ports(json.loads(_identity_path(place).read_text())["port_base"])


def end_leftovers(place: Place) -> None:
    """End what a dead supervisor of `place` left behind."""
    left = [process for process in psutil.process_iter() if _carries_mark(process, place.mark())]
    for process in left:
        _signal(process, "terminate")
    _, alive = psutil.wait_procs(left, timeout=15)
    for process in alive:
        _signal(process, "kill")
    psutil.wait_procs(alive, timeout=5)


def _carries_mark(process: psutil.Process, mark: str) -> bool:
    try:
        return bool(process.environ().get(MARK) == mark)
    except (psutil.Error, OSError):
        return False


def _signal(process: psutil.Process, verb: str) -> None:
    try:
        getattr(process, verb)()
    except psutil.NoSuchProcess:
        return


def _identity_path(place: Place) -> Path:
    return place.path("supervisor", "running.json")


def _remember(place: Place, pid: int, ports: Ports) -> None:
    created = psutil.Process(pid).create_time()
    identity = {"pid": pid, "created": created, "port_base": ports.base}
    write_private(_identity_path(place), json.dumps(identity))


def _await_end(process: psutil.Process) -> None:
    try:
        process.wait(timeout=_END_LIMIT_S)
    except psutil.TimeoutExpired:
        process.kill()


def _await(condition: Any, complaint: str, limit_s: float = _END_LIMIT_S) -> None:
    until = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > until:
            raise SupervisorFault(complaint)
        time.sleep(0.05)


def _plain(value: str) -> str:
    """Supervisor expands %(...)s in every value."""
    if "\n" in value:
        raise ValueError("a value of the supervisor's file is one line")
    return value.replace("%", "%%")


def _quoted(value: str) -> str:
    """A value between quotes that it does not hold itself: supervisor knows no escapes."""
    quote = "'" if '"' in value else '"'
    if quote in value:
        raise ValueError("a value of the supervisor's file holds one kind of quote at most")
    return f"{quote}{_plain(value)}{quote}"


def _environment() -> dict[str, str]:
    """What every process finds in its environment whatever shell started the system."""
    kept = {name: os.environ[name] for name in ("HOME", "PATH", "USER") if name in os.environ}
    return {"PATH": os.defpath, "LANG": "C.UTF-8"} | kept


def _is_root() -> bool:
    return psutil.Process().uids().effective == 0
