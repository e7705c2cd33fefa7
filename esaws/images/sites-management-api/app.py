"""The Sites Management API: the sites of each owner, with their buildings and devices, in PostgreSQL.

    GET    /sites           all sites
    POST   /sites           {"owner": …, "name": …, "address": …, "buildings": [{"name": …, "devices": […]}]}
                            a device is {"name": …, "kind": "camera"}
    GET    /sites/{id}
    DELETE /sites/{id}

Its environment: `DATABASE_URL` such as postgresql://user@host:5432/sites, and `DATABASE_PASSWORD`.
"""

from typing import Any

from database import Database
from microservice import HTTPError, Microservice, Request, Response

SCHEMA = """
CREATE TABLE IF NOT EXISTS sites (
    id serial PRIMARY KEY,
    owner text NOT NULL,
    name text NOT NULL,
    address text NOT NULL,
    created timestamptz NOT NULL DEFAULT now(),
    UNIQUE (owner, name)
);
CREATE TABLE IF NOT EXISTS buildings (
    id serial PRIMARY KEY,
    site integer NOT NULL REFERENCES sites ON DELETE CASCADE,
    name text NOT NULL
);
CREATE TABLE IF NOT EXISTS devices (
    id serial PRIMARY KEY,
    building integer NOT NULL REFERENCES buildings ON DELETE CASCADE,
    name text NOT NULL,
    kind text NOT NULL
);
"""

SELECT = """
SELECT site.id, site.owner, site.name, site.address, site.created,
    coalesce((
        SELECT json_agg(json_build_object('id', building.id, 'name', building.name, 'devices', coalesce((
            SELECT json_agg(json_build_object('id', device.id, 'name', device.name, 'kind', device.kind)
                ORDER BY device.id)
            FROM devices device WHERE device.building = building.id), '[]')) ORDER BY building.id)
        FROM buildings building WHERE building.site = site.id), '[]') AS buildings
FROM sites site
"""

database = Database(SCHEMA)


def list_sites(request: Request) -> Any:
    """Return all sites, the first added first."""
    return {"sites": database.run(lambda connection: connection.execute(f"{SELECT} ORDER BY site.id").fetchall())}


def get_site(request: Request) -> Any:
    """Return one site."""
    query, id = f"{SELECT} WHERE site.id = %s", number(request)
    site = database.run(lambda connection: connection.execute(query, [id]).fetchone())
    if site is None:
        raise HTTPError(404, f"there is no site {id}")
    return site


def add_site(request: Request) -> Response:
    """Add a site with its buildings and devices, all or nothing."""
    site = request.json()
    owner, name, address = (text(site, key) for key in ("owner", "name", "address"))
    buildings = [(text(building, "name"), items(building, "devices")) for building in items(site, "buildings")]
    buildings = [(name, [(text(each, "name"), text(each, "kind")) for each in devices]) for name, devices in buildings]

    def insert(connection: Any) -> Any:
        with connection.transaction():
            query = "INSERT INTO sites (owner, name, address) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING RETURNING id"
            added = connection.execute(query, [owner, name, address]).fetchone()
            if added is None:
                raise HTTPError(409, f"{owner} has a site {name} already")
            for building, devices in buildings:
                query = "INSERT INTO buildings (site, name) VALUES (%s, %s) RETURNING id"
                id = connection.execute(query, [added["id"], building]).fetchone()["id"]
                for device, kind in devices:
                    query = "INSERT INTO devices (building, name, kind) VALUES (%s, %s, %s)"
                    connection.execute(query, [id, device, kind])
            return connection.execute(f"{SELECT} WHERE site.id = %s", [added["id"]]).fetchone()

    site = database.run(insert)
    return Response(site, 201, headers={"Location": f"{service.prefix}/sites/{site['id']}"})


def delete_site(request: Request) -> Response:
    """Delete a site with its buildings and devices."""
    query, id = "DELETE FROM sites WHERE id = %s RETURNING id", number(request)
    if database.run(lambda connection: connection.execute(query, [id]).fetchone()) is None:
        raise HTTPError(404, f"there is no site {id}")
    return Response(status=204)


def number(request: Request) -> int:
    """Return the id in the path."""
    id = request.parts["id"]
    if not (id.isascii() and id.isdigit() and int(id) < 1 << 31):
        raise HTTPError(404, f"there is no site {id}")
    return int(id)


def text(fields: Any, key: str) -> str:
    """Return a text of an object, without spaces around it."""
    value = fields.get(key) if isinstance(fields, dict) else None
    if not isinstance(value, str) or not 0 < len(value.strip()) <= 200 or "\0" in value:
        raise HTTPError(400, f"{key} is missing, or not a text of 1 to 200 characters")
    return value.strip()


def items(fields: Any, key: str) -> list[Any]:
    """Return a list of an object, empty if it is left out."""
    value = fields.get(key, [])
    if not isinstance(value, list) or len(value) > 100:
        raise HTTPError(400, f"{key} is not a list of at most 100")
    return value


service = Microservice(
    "sites-management-api",
    {
        "GET /sites": list_sites,
        "POST /sites": add_site,
        "GET /sites/{id}": get_site,
        "DELETE /sites/{id}": delete_site,
    },
)

if __name__ == "__main__":
    service.run()
