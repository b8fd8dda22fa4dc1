"""One running system on this machine: its parts, its processes, its start and its end."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from deploy.local.console import out, step
from deploy.local.engines import PASSWORDS, Engines
from deploy.local.health import await_ready
from deploy.local.passwords import read_passwords
from deploy.local.places import Place, this_place
from deploy.local.ports import Ports, wanted_ports
from deploy.local.processes import Processes
from deploy.local.supervision import Supervisor, end_leftovers, running_ports

if TYPE_CHECKING:
    from deploy.local.program import Program


class Occupied(Exception):
    """The ports are taken by another program, or the system runs on others already."""


@dataclass(frozen=True)
class System:
    """The system of one place."""

    place: Place
    engines: Engines
    processes: Processes
    supervisor: Supervisor

    @property
    def ports(self) -> Ports:
        """Its ports."""
        return self.engines.ports

    def programs(self) -> tuple[Program, ...]:
        """Every process, in the order of their start."""
        return (*self.engines.programs(), *self.processes.programs())

    def with_lifetime(self, lifetime: str) -> System:
        """The same system whose files live for `lifetime`."""
        return replace(self, processes=replace(self.processes, lifetime=lifetime))

    def start_engines(self) -> None:
        """Start the real parts and furnish them."""
        self._claim_ports()
        self.engines.prepare()
        self.supervisor.configure(self.programs())
        self.supervisor.start()
        for program in self.engines.programs():
            self.supervisor.run(program.name)
            if program.name == "epmd":  # the broker would start one of its own
                await_ready(self.supervisor, [program])
        for program in self.engines.programs():
            with step(f"{program.name} on port {program.port}"):
                await_ready(self.supervisor, [program])
        with step("databases, roles and bucket"):
            self.engines.furnish()
        self.engines.tell_tests()

    def start_processes(self) -> None:
        """Start the six kinds of process, and wait until all are ready."""
        self._run_processes()
        for program in self.processes.programs():
            with step(f"{program.name} on port {program.port}"):
                await_ready(self.supervisor, [program])

    def take_up_changes(self) -> None:
        """Start those processes anew whose environment changed, and wait until all are ready."""
        self._run_processes()
        await_ready(self.supervisor, self.processes.programs())

    def end(self) -> None:
        """End every process that was started here, the parts last."""
        processes = [program.name for program in self.processes.programs()]
        parts = [program.name for program in self.engines.programs()]
        without_epmd = [name for name in parts if name != "epmd"]  # the broker takes leave of it
        self.supervisor.end(processes, without_epmd, parts)
        self.engines.seaweedfs.tidy()

    def _run_processes(self) -> None:
        self.supervisor.configure(self.programs())
        for program in self.processes.programs():
            self.supervisor.run(program.name)

    def _claim_ports(self) -> None:
        running = running_ports(self.place)
        if running is not None:
            if running != self.ports:
                raise Occupied(
                    f"already running with PORT_BASE={running.base}; `make down` ends it first"
                )
            return
        end_leftovers(self.place)
        if taken := self.ports.taken():
            named = ", ".join(f"{port} ({name})" for name, port in taken.items())
            raise Occupied(
                f"ports in use by another program: {named}; choose others with PORT_BASE=…"
            )


def this_system() -> System:
    """The system that `DANZHENG_STATE` and `PORT_BASE` name; a running one keeps its ports."""
    place = this_place()
    running = None if os.environ.get("PORT_BASE") else running_ports(place)
    return _system(place, running or wanted_ports())


def running_system() -> System:
    """The system that runs in this place, whatever `PORT_BASE` says; else as `this_system`."""
    place = this_place()
    return _system(place, running_ports(place) or wanted_ports())


def end_this_system() -> None:
    """End what runs in this place, whatever its ports."""
    place = this_place()
    ports = running_ports(place)
    if ports is None:
        end_leftovers(place)
        out.print("Nothing runs here.")
        return
    with step("ending every process that was started here"):
        _system(place, ports).end()


def _system(place: Place, ports: Ports) -> System:
    passwords = read_passwords(place, PASSWORDS)
    durable = os.environ.get("DANZHENG_DURABLE", "yes") != "no"
    engines = Engines(place, ports, passwords, durable)
    lifetime = os.environ.get("DANZHENG_FILE_LIFETIME") or "calendar-month"
    processes = Processes(ports, engines, lifetime)
    return System(place, engines, processes, Supervisor(place, ports, passwords))
