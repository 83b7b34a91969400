"""What the six services of the demo shop log: event templates with weights and latencies.

Placeholders in braces are filled per record: ``{id}``, ``{n}`` numbers, ``{user}``, ``{ip}``,
``{ms}`` the response time, ``{host}``, ``{version}``. Literal text holds no other braces.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Event:
    """One kind of record. ``weight`` is its share within the service; no endpoint: not HTTP."""

    message: str
    weight: float = 1.0
    level: str = "INFO"
    method: str = ""
    endpoint: str = ""
    status: int = 0
    median_ms: float = 0.0
    sigma: float = 0.4  # of the logarithm of the response time

    @property
    def http(self) -> bool:
        """Whether the record describes a request."""
        return bool(self.endpoint)


@dataclass(frozen=True, slots=True)
class Service:
    """A service: its share of the traffic, its usual events and those of an outage."""

    name: str
    share: float
    events: tuple[Event, ...]
    outage: tuple[Event, ...]


def _get(path: str, ms: float, weight: float, message: str, status: int = 200) -> Event:
    return Event(message, weight, "INFO", "GET", path, status, ms)


def _post(path: str, ms: float, weight: float, message: str, status: int = 200) -> Event:
    return Event(message, weight, "INFO", "POST", path, status, ms)


def _fail(
    method: str, path: str, status: int, weight: float, message: str, ms: float = 30.0
) -> Event:
    level = "ERROR" if status >= 500 else "WARN"
    return Event(message, weight, level, method, path, status, ms, 0.6)


SERVICES: tuple[Service, ...] = (
    Service(
        "gateway",
        0.28,
        (
            _get("/api/products/{id}", 38, 34, "GET /api/products/{id} completed in {ms} ms"),
            _get("/api/search", 62, 18, "GET /api/search completed in {ms} ms"),
            _post("/api/cart", 41, 12, "POST /api/cart completed in {ms} ms"),
            _post("/api/orders", 120, 8, "POST /api/orders completed in {ms} ms", 201),
            _get("/api/orders/{id}", 45, 14, "GET /api/orders/{id} completed in {ms} ms"),
            _get("/health", 2, 6, "health check passed"),
            _fail("GET", "/api/products/{id}", 404, 2.0, "no route to product {id}: not found", 9),
            _fail("POST", "/api/orders", 429, 0.5, "rate limit reached for client {ip}", 1),
            _fail("GET", "/api/search", 502, 0.15, "upstream catalog closed the connection"),
            _fail("POST", "/api/orders", 504, 0.1, "upstream orders timed out after {n} s", 3000),
        ),
        (
            _fail("GET", "/api/products/{id}", 502, 5, "upstream catalog closed the connection"),
            _fail("POST", "/api/orders", 504, 2, "upstream orders timed out after {n} s", 3000),
            _fail("GET", "/api/search", 503, 3, "no healthy upstream for pool catalog", 4),
        ),
    ),
    Service(
        "auth",
        0.16,
        (
            _post("/login", 85, 30, "user {user} logged in from {ip}"),
            _post("/token/refresh", 12, 42, "token refreshed for user {user}"),
            _get("/sessions/{id}", 6, 18, "session {id} is valid"),
            _post("/logout", 8, 6, "user {user} logged out"),
            _fail("POST", "/login", 401, 2.2, "login failed for user {user} from {ip}", 90),
            _fail("GET", "/sessions/{id}", 401, 1.2, "session {id} expired", 5),
            _fail("POST", "/login", 500, 0.15, "password store did not answer within {n} s", 2000),
        ),
        (
            _fail("POST", "/login", 500, 5, "password store did not answer within {n} s", 2000),
            _fail("POST", "/token/refresh", 503, 5, "signing key service unavailable", 15),
        ),
    ),
    Service(
        "catalog",
        0.2,
        (
            _get("/products/{id}", 18, 46, "product {id} served from cache"),
            _get("/products/{id}", 44, 20, "product {id} loaded from database in {ms} ms"),
            _get("/search", 48, 24, "search returned {n} hits in {ms} ms"),
            Event("cache refreshed: {n} entries evicted", 2.5, "DEBUG"),
            Event("slow query on products took {ms} ms", 0.6, "WARN", median_ms=900),
            _fail("GET", "/products/{id}", 404, 2.4, "product {id} does not exist", 4),
            _fail("GET", "/search", 500, 0.2, "search index shard {n} is not available"),
        ),
        (
            _fail("GET", "/search", 500, 6, "search index shard {n} is not available"),
            _fail("GET", "/products/{id}", 503, 4, "database connection pool exhausted", 5000),
        ),
    ),
    Service(
        "orders",
        0.15,
        (
            _post("/orders", 96, 28, "order {id} created for user {user}", 201),
            _get("/orders/{id}", 22, 38, "order {id} fetched"),
            Event("order {id} moved to state PAID", 12, "INFO", "PUT", "/orders/{id}", 200, 35),
            Event("order {id} moved to state SHIPPED", 9, "INFO", "PUT", "/orders/{id}", 200, 33),
            Event("published event order.created for order {id}", 8, "DEBUG"),
            _fail("POST", "/orders", 409, 0.9, "order {id} is already paid", 14),
            _fail("POST", "/orders", 422, 0.8, "order rejected: {n} invalid line items", 7),
            _fail("PUT", "/orders/{id}", 500, 0.2, "deadlock detected while updating order {id}"),
        ),
        (
            _fail("PUT", "/orders/{id}", 500, 5, "deadlock detected while updating order {id}"),
            _fail("POST", "/orders", 500, 5, "could not serialise access to table orders"),
        ),
    ),
    Service(
        "payments",
        0.11,
        (
            _post("/charges", 240, 52, "charge {id} authorised in {ms} ms", 201),
            _post("/charges/{id}/capture", 180, 30, "charge {id} captured"),
            _post("/refunds", 210, 4, "refund {id} issued for user {user}", 201),
            Event("provider webhook {id} accepted", 9, "INFO", "POST", "/webhooks", 200, 11),
            _fail("POST", "/charges", 402, 2.6, "charge {id} declined by issuer", 230),
            _fail("POST", "/charges", 502, 0.3, "payment provider returned an invalid answer", 900),
        ),
        (
            _fail("POST", "/charges", 502, 6, "payment provider returned an invalid answer", 900),
            _fail("POST", "/charges/{id}/capture", 504, 4, "capture of {id} timed out", 10000),
        ),
    ),
    Service(
        "inventory",
        0.10,
        (
            _get("/stock/{id}", 9, 48, "stock level of item {id} is {n}"),
            _post("/reservations", 27, 30, "reserved {n} units of item {id}", 201),
            Event("reservation {id} released", 14, "INFO", "DELETE", "/reservations/{id}", 204, 12),
            Event("warehouse feed {id} consumed, lag {n} messages", 6, "DEBUG"),
            _fail("POST", "/reservations", 409, 1.8, "item {id} is out of stock", 10),
            _fail("GET", "/stock/{id}", 500, 0.2, "replica {n} is behind the primary", 40),
        ),
        (
            _fail("GET", "/stock/{id}", 500, 7, "replica {n} is behind the primary", 40),
            _fail("POST", "/reservations", 503, 3, "stock ledger is locked by migration", 60),
        ),
    ),
)

DEPLOYMENT: tuple[Event, ...] = (
    Event("shutting down: draining {n} connections"),
    Event("starting version {version} on {host}"),
    Event("configuration loaded from /etc/shop/service.toml"),
    Event("database migrations are up to date"),
    Event("ready to serve after {n} s"),
)

BATCH_JOB: tuple[Event, ...] = (
    Event("stock of warehouse {id} synchronised: {n} rows", 9),
    Event("warehouse {id} sent an empty delta", 1),
)

LOGIN_FAILED = Event(
    "login failed for user {user} from {ip}", 1, "WARN", "POST", "/login", 401, 90, 0.3
)
USER_AGENTS: tuple[str, ...] = (
    "Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14) Safari/605.1",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5) Mobile/15E148",
    "ShopApp/5.12.1 (Android 14; Pixel 8) okhttp/4.12.0",
)
REGIONS: tuple[str, ...] = ("eu-west-1", "eu-central-1", "us-east-1")
