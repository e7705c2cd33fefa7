"""Where private addresses listen on this machine."""

import socket
import sys

import pytest

from esaws.data_plane.addresses import Addresses

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has all of 127.0.0.0/8")


def test_an_address_of_the_vpc_keeps_its_last_three_octets_and_its_port() -> None:
    assert Addresses().place("10.77.3.4", 8001) == ("127.77.3.4", 8001)


def test_a_place_stays_the_same() -> None:
    addresses = Addresses()
    assert addresses.place("10.77.3.5", 8001) == addresses.place("10.77.3.5", 8001)
    assert addresses.table() == [{"address": "10.77.3.5", "port": 8001, "host": "127.77.3.5", "local_port": 8001}]


def test_a_taken_port_gets_another_one() -> None:
    with socket.create_server(("127.77.3.6", 8001)):
        host, port = Addresses().place("10.77.3.6", 8001)
    assert host == "127.77.3.6"
    assert port != 8001


def test_two_accounts_with_the_same_addresses_never_share_a_place() -> None:
    first, second = Addresses(), Addresses()
    assert first.place("10.77.3.7", 8001) != second.place("10.77.3.7", 8001)
