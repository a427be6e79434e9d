"""The servers that are compared. Each sends the same JSON bytes for GET /json."""

import os
import subprocess
import urllib.request

from . import machine

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

NGINX = """\
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log crit;
worker_rlimit_nofile 20000;
events {{
    worker_connections 16000;
}}
http {{
    access_log off;
    default_type application/json;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_requests {requests};
    server {{
        listen 127.0.0.1:{port} backlog=4096;
{tls}
        location = /json {{
            return 200 '{document}';
        }}
        location /files/ {{
            alias {folder}/files/;
        }}
    }}
}}
"""

NGINX_TLS = """\
        listen 127.0.0.1:{port} ssl backlog=4096;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_session_cache shared:bench:10m;
"""

#: A connection carries so many requests; the default of nginx 1.22 and of our server alike.
REQUESTS_PER_CONNECTION = 1_000


class Peers:
    """Builds what has to be built into `folder`, and starts peers by name."""

    def __init__(self, folder, probe):
        self.folder = folder
        self.probe = probe
        self.core, _ = machine.cores()
        self.document = self.read_document()
        self.path = os.path.join(folder, "document.json")
        with open(self.path, "wb") as file:
            file.write(self.document)

    def read_document(self):
        """The bytes that our server sends; the others are given the same ones."""
        with self.start_mercato() as server:
            with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/json") as response:
                return response.read()

    def start(self, name, **options):
        return getattr(self, f"start_{name}")(**options)

    def start_mercato(self, arguments=(), environment=None, wrapper=(), probe=None, tls=None):
        port = machine.free_port()
        command = [*wrapper, probe or self.probe, "--port", str(port), *arguments]
        if tls:
            command += ["--tls-port", str(tls.port), "--cert", tls.certificate, "--key", tls.key]
        return machine.Process(
            command,
            port,
            core=self.core,
            environment=environment,
            log=os.path.join(self.folder, "mercato.log"),
        )

    def start_nginx(self, tls=None):
        (nginx,) = machine.need("nginx")
        port = machine.free_port()
        folder = os.path.join(self.folder, "nginx")
        os.makedirs(os.path.join(folder, "files"), exist_ok=True)
        text = NGINX.format(
            folder=folder,
            port=port,
            requests=REQUESTS_PER_CONNECTION,
            document=self.document.decode().replace("\\", "\\\\").replace("'", "\\'"),
            tls=NGINX_TLS.format(port=tls.port, certificate=tls.certificate, key=tls.key)
            if tls
            else "",
        )
        path = os.path.join(folder, "nginx.conf")
        with open(path, "w") as file:
            file.write(text)
        command = [nginx, "-p", folder, "-e", os.path.join(folder, "error.log"), "-c", path]
        return machine.Process(command, port, core=self.core, log=os.path.join(folder, "log"))

    def start_go(self):
        source = os.path.join(HERE, "gopeer", "main.go")
        program = os.path.join(self.folder, "gopeer")
        if self.is_older(program, source):
            (go,) = machine.need("go")
            self.run([go, "build", "-o", program, source], GO111MODULE="off")
        port = machine.free_port()
        return machine.Process([program, str(port), self.path], port, core=self.core)

    def start_floor(self):
        port = machine.free_port()
        return machine.Process([self.compiled("floor"), str(port), self.path], port, core=self.core)

    def compiled(self, name, *flags, library=False):
        """A program or library of native/, compiled when it is not yet or no longer up to date."""
        source = os.path.join(HERE, "native", name + ".c")
        result = os.path.join(self.folder, f"lib{name}.so" if library else name)
        if self.is_older(result, source):
            (compiler,) = machine.need("cc")
            shape = ["-fPIC", "-shared"] if library else []
            self.run([compiler, "-O2", "-Wall", "-Wextra", *shape, "-o", result, source, *flags])
        return result

    @staticmethod
    def is_older(result, source):
        return not os.path.exists(result) or os.path.getmtime(result) < os.path.getmtime(source)

    @staticmethod
    def run(command, **environment):
        done = subprocess.run(
            command, env={**os.environ, **environment}, capture_output=True, text=True
        )
        if done.returncode != 0:
            machine.fail(" ".join(command), done.stderr, code=1)
