"""The client for programs without a loop, and for notebooks, which have one that is busy."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import List

import pytest
from cluster import Cluster

import tickcast
from tickcast import TickcastError


def test_events_come_in_a_plain_loop_and_its_end_unsubscribes(cluster: Cluster, name: str) -> None:
    with tickcast.sync.connect(cluster.url, token=cluster.token) as client:
        cluster.agent(name, "idle")
        statuses: List[str] = []
        for state in client.agent_status(name):
            statuses.append(state.data.status)
            if state.snapshot:
                cluster.agent(name, "running")
            else:
                break
        assert statuses == ["idle", "running"]
        assert client.streams() == []
        assert client.state == "live"


def test_a_block_lasts_over_several_loops(cluster: Cluster, name: str) -> None:
    with tickcast.sync.connect(cluster.url, token=cluster.token) as client, client.market_data(name) as quotes:
        prices: List[float] = []
        for price in (1, 2, 3):
            cluster.quote(name, price)
            for quote in quotes:
                prices.append(quote.data.price)
                break
        assert prices == [1, 2, 3]


def test_errors_are_raised_where_the_client_is_used(cluster: Cluster, name: str) -> None:
    with pytest.raises(TickcastError, match="authentication_failed"):
        tickcast.sync.connect(cluster.url, token=cluster.mint(name, ttl=-60))
    with tickcast.sync.connect(cluster.url, token=cluster.mint(name, channels=[])) as client:
        with pytest.raises(ValueError, match="can't be a key"):
            client.market_data("a b")
        with pytest.raises(TickcastError, match="forbidden"), client.alerts():
            pass
        with pytest.raises(TickcastError, match="forbidden"):
            next(iter(client.backtest_progress()))
    with pytest.raises(TickcastError, match="not_connected"):
        client.alerts()
    client.close()


def test_a_handler_runs_in_another_thread_and_may_use_the_client(cluster: Cluster) -> None:
    told = threading.Event()
    client = tickcast.sync.connect(cluster.url, token=cluster.token)
    seen: List[object] = []

    def look(change: tickcast.StateChange) -> None:
        seen.extend([change.state, threading.current_thread() is threading.main_thread()])
        told.set()

    remove = client.on("state", look)
    client.close()
    assert told.wait(5)
    assert seen == ["closed", False]
    remove()


def test_a_close_in_another_thread_ends_a_loop(cluster: Cluster, name: str) -> None:
    client = tickcast.sync.connect(cluster.url, token=cluster.token)
    quotes = client.market_data(name)
    closing = threading.Timer(0.1, client.close)
    closing.start()
    assert [quote.symbol for quote in quotes] == []
    closing.join()
    assert "tickcast" not in {thread.name for thread in threading.enumerate()}


def test_what_is_left_after_a_close_ends_quietly(cluster: Cluster, name: str) -> None:
    client = tickcast.sync.connect(cluster.url, token=cluster.token)
    with client.market_data(name) as quotes:
        client.close()
        assert list(quotes) == []


def test_no_thread_hangs_that_uses_a_client_while_another_closes_it(cluster: Cluster) -> None:
    outcomes: List[str] = []

    def use(client: tickcast.sync.Client) -> None:
        try:
            while True:
                client.streams()
        except TickcastError as error:
            outcomes.append(error.code)

    threads: List[threading.Thread] = []
    for _ in range(10):
        client = tickcast.sync.connect(cluster.url, token=cluster.token)
        users = [threading.Thread(target=use, args=[client]) for _ in range(4)]
        for user in users:
            user.start()
        client.close()
        threads += users
    for thread in threads:
        thread.join(10)
    assert outcomes == ["not_connected"] * 40


async def test_it_works_where_a_loop_runs_already(cluster: Cluster, name: str) -> None:
    with tickcast.sync.connect(cluster.url, token=cluster.token) as client:
        cluster.quote(name, 5)
        assert next(iter(client.market_data(name))).data.price == 5


@pytest.mark.parametrize("ending", ["raise KeyboardInterrupt", "client.market_data('1.HK'); sys.exit(0)"])
def test_a_program_that_ends_without_closing_ends(cluster: Cluster, ending: str) -> None:
    program = f"import sys, tickcast\nclient = tickcast.sync.connect(sys.argv[1], token=sys.argv[2])\n{ending}"
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, cluster.url, cluster.token],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert [line for line in ended.stderr.splitlines() if "Task" in line or "Exception ignored" in line] == []


def test_ctrl_c_interrupts_a_loop_that_waits(cluster: Cluster, name: str) -> None:
    program = (
        "import sys, signal, threading, time, os, tickcast\n"
        "with tickcast.sync.connect(sys.argv[1], token=sys.argv[2]) as client:\n"
        "    quotes = client.market_data(sys.argv[3])\n"
        "    changed = quotes._subscription._feed.queue._changed\n"
        "    def interrupt():\n"
        "        while not changed._waiters: time.sleep(0.05)\n"
        "        time.sleep(0.2)\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "    threading.Thread(target=interrupt).start()\n"
        "    try:\n"
        "        for quote in quotes: pass\n"
        "    except KeyboardInterrupt:\n"
        "        print('interrupted', client.state, client.streams())\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, cluster.url, cluster.token, name], capture_output=True, text=True, timeout=30
    )
    assert (ended.stdout, ended.stderr, ended.returncode) == ("interrupted live []\n", "", 0)
