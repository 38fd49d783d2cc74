# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The services of the demo and its customers. Some answers fail and some are slow, on purpose."""

import pathlib
import shlex

from lab import servers
from lab.processes import wait_for

HERE = pathlib.Path(__file__).resolve().parent
PYTHON = "/usr/bin/python3"
REVIEWS = "198.19.0.20"  # of no machine (mesh/reviews.yaml): weft sends connections to one of the servers of reviews

UPSTREAMS = """
	upstream catalog { server CATALOG:8080; keepalive 8; }
	upstream cart { server CART:8080; keepalive 8; }
	upstream reviews { server REVIEWS:80; }
	proxy_http_version 1.1;
	proxy_set_header Connection "";
"""
LOCATIONS = """
		location /catalog/ { proxy_pass http://catalog; }
		location /cart/ { proxy_pass http://cart; }
		location /reviews/ { proxy_pass http://reviews; }
		location / { root "ASSETS"; }
"""
PAGES = ["/logo.svg"] * 4 + ["/catalog/list"] * 6 + ["/catalog/item"] * 4 + ["/catalog/search"] * 3 + \
    ["/reviews/5"] * 3 + ["/cart/show"] * 3 + ["/cart/checkout"] * 2 + ["/favicon.ico"]
VERSIONS = ("reviews-1", "reviews-2", "reviews-canary")
WRITTEN = {"frontend": "192.0.2.10", "reviews-1": "192.0.2.1", "reviews-2": "192.0.2.2", "reviews-canary": "192.0.2.3"}  # in mesh/reviews.yaml


class Shop:
    def __init__(self, box):
        self.box = box
        roles = ("frontend", "catalog", "search", "cart", "payments", "shopper", "visitor", "snooper", *VERSIONS)
        self.places = {role: box.namespace(role) for role in roles}
        self.serve("payments", [PYTHON, HERE / "payments.py"], 9000)
        self.serve("search", ["node", HERE / "search.js"], 8080)
        self.serve("catalog", ["node", HERE / "catalog.js"], 8080, SEARCH=self.at("search", 8080))
        self.serve("cart", [PYTHON, HERE / "cart.py"], 8080, PAYMENTS=self.at("payments", 9000))
        for version in VERSIONS:
            self.serve(version, [PYTHON, HERE / "reviews.py"], 8080, BROKEN="yes" if version == "reviews-2" else "no")
        self.frontend = self.start_frontend()

    def mesh(self):
        """The operator's YAML for these namespaces, in a directory for weftd."""
        directory = self.box.dir / "mesh"
        directory.mkdir()
        text = (HERE / "mesh" / "reviews.yaml").read_text()
        for role, written in WRITTEN.items():
            text = text.replace(f"address: {written},", f"address: {self.places[role].address},")
        (directory / "reviews.yaml").write_text(text)
        return directory

    def at(self, role, port):
        return f"{self.places[role].address}:{port}"

    def serve(self, role, argv, port, **env):
        place = self.places[role]
        process = place.start(argv, "server", env=dict(env, PORT=str(port)))

        def ready():
            if not process.alive():
                raise RuntimeError(f"{role} ended: {process.output()[-1000:]}")
            return place.listens(port)
        wait_for(ready, 20, role)

    def start_frontend(self):
        assets = self.box.dir / "assets"
        assets.mkdir()
        (assets / "logo.svg").write_text("<svg>" + "<path/>" * 2000 + "</svg>")
        upstreams = UPSTREAMS.replace("CATALOG", self.places["catalog"].address).replace("CART", self.places["cart"].address)
        upstreams = upstreams.replace("REVIEWS", REVIEWS)
        return servers.nginx(self.places["frontend"], 8443, http2=True, tls=True, upstreams=upstreams,
                             locations=LOCATIONS.replace("ASSETS", str(assets)))

    def open(self):
        """Customers: about 160 requests a second by h2load, and a curl for each of two visitors a second. One who is no
        customer tries the servers of reviews past the frontend."""
        pages = self.box.dir / "pages"
        pages.write_text("".join(f"{self.frontend.url(page)}\n" for page in PAGES))
        self.places["shopper"].start(["sh", "-c", f"while :; do h2load -t 1 -c 4 -m 4 --rps 40 -D 60 -i {shlex.quote(str(pages))}; sleep 0.2; done"], "h2load")
        visit = f"curl -sk --tls-max 1.2 --http1.1 -o /dev/null {self.frontend.url('/catalog/list')} {self.frontend.url('/cart/show')}"
        self.places["visitor"].start(["sh", "-c", f"while sleep 0.5; do {visit}; done"], "curl")
        self.places["snooper"].start(["sh", "-c", f"while sleep 1; do curl -s -o /dev/null http://{REVIEWS}/; done"], "curl")
