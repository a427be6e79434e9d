"""wrk: keep-alive load as fast as the server answers."""

import re
import subprocess

from . import client, machine

UNITS = {"us": 1, "ms": 1_000, "s": 1_000_000, "m": 60_000_000}


def microseconds(text):
    match = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text)
    return float(match.group(1)) * UNITS[match.group(2)]


def run(server, core, connections, seconds, path="/json", scheme="http", port=None):
    """One run: requests per second, processor time of the server per request, and latency."""
    (wrk,) = machine.need("wrk")
    command = [wrk, "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    for name, value in client.FIELDS:
        command += ["-H", f"{name}: {value}"]
    command.append(f"{scheme}://127.0.0.1:{port or server.port}{path}")
    before, busy, load = server.processor_seconds(), machine.busy_seconds(), machine.ended_seconds()
    done = subprocess.run(
        machine.pinned(core, command), capture_output=True, text=True, timeout=seconds + 60
    )
    after, busy_after = server.processor_seconds(), machine.busy_seconds()
    load = machine.ended_seconds() - load
    if done.returncode != 0:
        machine.fail(" ".join(command), done.stderr, code=1)
    found = parsed(done.stdout)
    user, system = after[0] - before[0], after[1] - before[1]
    found["cpu_us"] = (user + system) * 1e6 / found["requests"]
    found["user_us"] = user * 1e6 / found["requests"]
    found["rss_kib"] = server.status_kib("VmRSS")
    found["peak_rss_kib"] = server.status_kib("VmHWM")
    # What neither the server nor wrk used.
    found["foreign_cores"] = max(0, (busy_after - busy - user - system - load) / found["seconds"])
    return found


def parsed(text):
    def number(pattern):
        match = re.search(pattern, text)
        return match.group(1) if match else None

    requests = number(r"(\d+) requests in")
    if not requests or int(requests) == 0:
        machine.fail("wrk counted no request", text, code=1)
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    return {
        "requests": int(requests),
        "seconds": microseconds(number(r"requests in ([\d.a-z]+),")) / 1e6,
        "per_second": float(number(r"Requests/sec:\s+([\d.]+)")),
        "p50_us": microseconds(number(r"50%\s+([\d.a-z]+)")),
        "p99_us": microseconds(number(r"99%\s+([\d.a-z]+)")),
        # A connection that the server ends after its last request is read as 0 bytes, no error.
        "errors": sum(int(group) for group in errors.groups()) if errors else 0,
        "refused": int(number(r"Non-2xx or 3xx responses: (\d+)") or 0),
    }
