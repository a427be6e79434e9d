"""Processes under measurement: start and end, pinning, and what /proc says about them."""

import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
START_SECONDS_MAX = 30
END_SECONDS_MAX = 10

#: Debian's package of each program.
PACKAGES = {
    "wrk": "wrk",
    "nginx": "nginx-light",
    "go": "golang-go",
    "slowhttptest": "slowhttptest",
    "valgrind": "valgrind",
    "taskset": "util-linux",
    "cc": "gcc libc6-dev",
    "objcopy": "binutils",
    "openssl": "openssl",
}


def fail(*lines, code=3):
    """Ends the run; 3 says that something is missing, as with every script of this repository."""
    for line in lines:
        print(f"mercato: {line}", file=sys.stderr)
    sys.exit(code)


def need(*names):
    """The paths of programs. What is missing is named with the command that brings it."""
    paths = [shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin") for name in names]
    missing = [name for name, path in zip(names, paths) if not path]
    if missing:
        packages = " ".join(PACKAGES.get(name, name) for name in missing)
        fail(
            f"{', '.join(missing)} not found. On Debian and Ubuntu:",
            f"  sudo apt-get install --no-install-recommends {packages}",
        )
    return paths


def cores():
    """The core of the server and that of the load; one core has to do for both where there is no second."""
    available = sorted(os.sched_getaffinity(0))
    return available[0], available[-1]


def pinned(core, command):
    return ["taskset", "-c", str(core), *command]


def allow_descriptors(count):
    """Raises the limit of this process and its children; ends the run when the hard limit is lower."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        fail(f"{count} open files are needed, the limit is {hard}: ulimit -Hn {count}")
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Process:
    """A server on a port, with its children. `with` ends it."""

    def __init__(self, command, port, core=None, environment=None, log=None):
        self.port = port
        output = open(log, "wb") if log else subprocess.DEVNULL
        self.child = subprocess.Popen(
            pinned(core, command) if core is not None else command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **(environment or {})},
        )
        self.log = log
        self.await_port(command)

    def await_port(self, command):
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline:
            if self.child.poll() is not None:
                break
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        self.end()
        tail = open(self.log, errors="replace").read()[-2000:] if self.log else ""
        fail(f"{' '.join(command)} does not listen on {self.port}", tail, code=1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(END_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()

    @property
    def identifiers(self):
        """The process and its children, such as the worker of nginx."""
        found = [self.child.pid]
        for pid in found:
            with open(f"/proc/{pid}/task/{pid}/children") as file:
                found += [int(word) for word in file.read().split()]
        return found

    def processor_seconds(self):
        """User and system time of the process and its children until now."""
        user = system = 0
        for pid in self.identifiers:
            # The second field is the name, which may hold spaces; the others follow its bracket.
            with open(f"/proc/{pid}/stat") as file:
                fields = file.read().rsplit(")", 1)[1].split()
            user += int(fields[11])
            system += int(fields[12])
        return user / TICKS_PER_SECOND, system / TICKS_PER_SECOND

    def status_kib(self, name):
        """The sum of a field of /proc/PID/status, such as VmRSS or VmHWM, in KiB."""
        total = 0
        for pid in self.identifiers:
            with open(f"/proc/{pid}/status") as file:
                total += sum(int(line.split()[1]) for line in file if line.startswith(name + ":"))
        return total


def ended_seconds():
    """Time that children of this process have used which have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def busy_seconds():
    """Time that all processes of the machine together have used."""
    with open("/proc/stat") as file:
        fields = [int(word) for word in file.readline().split()[1:]]
    user, nice, system, _, _, interrupts, soft, steal = fields[:8]
    return (user + nice + system + interrupts + soft + steal) / TICKS_PER_SECOND
