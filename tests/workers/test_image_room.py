"""Calls with images: so many bytes under way at once, each in its turn, and none left behind."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from workers.image_room import ImageRoom


def test_no_more_is_held_than_there_is_room_for_and_all_come_to_their_turn():
    room = ImageRoom(10)
    lock = threading.Lock()
    held = 0
    most = 0

    def call(size):
        nonlocal held, most
        with room.taken(size):
            with lock:
                held += size
                # What has more than there is room for goes alone.
                most = max(most, held if size <= 10 else 10 + held - size)
            threading.Event().wait(0.002)
            with lock:
                held -= size
        return size

    sizes = [1, 9, 4, 25, 3, 10, 0, 7] * 5
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(call, sizes, timeout=30)) == sizes
    assert most == 10


def test_a_call_without_images_waits_for_nothing():
    room = ImageRoom(10)
    with room.taken(10), room.taken(0):
        pass


def test_room_is_given_back_by_a_call_that_fails():
    room = ImageRoom(10)
    for _ in range(2):
        with pytest.raises(OSError, match="lost"), room.taken(10):
            raise OSError("lost")
