"""Where private addresses listen on this machine."""

import socket
import sys
from collections.abc import Iterator

import pytest

from esaws.data_plane.addresses import Addresses

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has all of 127.0.0.0/8")


@pytest.fixture
def addresses() -> Iterator[Addresses]:
    addresses = Addresses()
    yield addresses
    addresses.close()


def test_an_address_of_the_vpc_keeps_its_last_three_octets_and_its_port(addresses: Addresses) -> None:
    assert addresses.place("10.77.3.4", 8001) == ("127.77.3.4", 8001)


def test_a_place_stays_the_same(addresses: Addresses) -> None:
    assert addresses.place("10.77.3.5", 8001) == addresses.place("10.77.3.5", 8001)
    assert addresses.table() == [{"address": "10.77.3.5", "port": 8001, "host": "127.77.3.5", "local_port": 8001}]


def test_a_taken_port_gets_another_one(addresses: Addresses) -> None:
    with socket.create_server(("127.77.3.6", 8001)):
        host, port = addresses.place("10.77.3.6", 8001)
    assert host == "127.77.3.6"
    assert port != 8001


def test_two_accounts_with_the_same_addresses_never_share_a_place(addresses: Addresses) -> None:
    second = Addresses()
    assert addresses.place("10.77.3.7", 8001) != second.place("10.77.3.7", 8001)
    second.close()


def test_a_closed_table_gives_up_its_places(addresses: Addresses) -> None:
    place = addresses.place("10.77.3.8", 8001)
    addresses.close()
    second = Addresses()
    assert second.place("10.77.3.8", 8001) == place
    assert addresses.table() == []
    second.close()


def test_a_place_that_a_foreign_program_has_taken_meanwhile_moves(addresses: Addresses) -> None:
    host, port = addresses.place("10.77.3.9", 8001)
    assert addresses.free_place("10.77.3.9", 8001) == (host, port)
    with socket.create_server((host, port)):
        moved = addresses.free_place("10.77.3.9", 8001)
        assert moved != (host, port)
        assert addresses.place("10.77.3.9", 8001) == moved
