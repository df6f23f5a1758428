"""What backtests must come to, calculated a second time from the rules in apps/producers/README.md.

Reads a JSON list of runs from stdin, {"file", "symbol", "from", "to", "strategy", "params"} each, and prints a list of
their results. Every number of a result is text, with as many digits as the rules give it. Python 3.9 or newer, nothing
besides.
"""

import csv
import json
import sys
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal, getcontext
from fractions import Fraction

getcontext().prec = 60

CENT = Decimal("0.01")
MILL = Decimal("0.001")
MILLIONTH = Decimal("0.000001")


def rounded(amount, unit):
    # Adding 0 turns -0 into 0.
    return amount.quantize(unit, rounding=ROUND_HALF_UP) + 0


def read_days(run):
    days = []
    with open(run["file"], encoding="utf-8", newline="") as file:
        for row in csv.DictReader(line for line in file if not line.startswith("#")):
            if row["symbol"] == run["symbol"] and run["from"] <= row["timestamp"] <= run["to"]:
                days.append((row["timestamp"], rounded(Decimal(row["open"]), MILL), rounded(Decimal(row["close"]), MILL)))
    return days


def mean(values):
    return Fraction(sum(values)) / len(values)


def target_after(run, closes):
    """The target after the last of these closes."""
    if run["strategy"] == "buy_and_hold":
        return Decimal(1)
    fast, slow = (int(run["params"].get(name, default)) for name, default in (("fast", 20), ("slow", 50)))
    if len(closes) < slow:
        return Decimal(0)
    return Decimal(1) if mean(closes[-fast:]) > mean(closes[-slow:]) else Decimal(0)


def calculate(run):
    params = run["params"]
    initial = cash = Decimal(params.get("initial_cash", "1000000")).quantize(CENT)
    fee_rate = Decimal(params.get("fee_rate", "0.001"))
    lot = int(params.get("lot", "100"))
    days = read_days(run)
    shares = trades = 0
    fees = Decimal("0.00")

    # A trade's value and its fee, each to the cent.
    def price_of(count, price):
        value = rounded(count * price, CENT)
        return value, rounded(value * fee_rate, CENT)

    equities = [initial]
    target = Decimal(0)
    for day, (_, opening, close) in enumerate(days):
        order = target_after(run, [c for _, _, c in days[:day]]) if day > 0 else Decimal(0)
        if order != target:
            target = order
            equity = cash + rounded(shares * opening, CENT)
            aim = int((target * equity / (opening * lot)).to_integral_value(ROUND_DOWN)) * lot
            if aim > shares:
                count = aim - shares
                # One lot less until the cash is enough.
                while count > 0 and sum(price_of(count, opening)) > cash:
                    count -= lot
                if count > 0:
                    value, fee = price_of(count, opening)
                    cash, shares, fees, trades = cash - value - fee, shares + count, fees + fee, trades + 1
            elif aim < shares:
                count = shares - aim
                value, fee = price_of(count, opening)
                cash, shares, fees, trades = cash + value - fee, aim, fees + fee, trades + 1
        equities.append(cash + rounded(shares * close, CENT))

    falls = [(max(equities[: n + 1]) - equity) / max(equities[: n + 1]) for n, equity in enumerate(equities)]
    final = equities[-1]
    return {
        "initial_cash": str(initial),
        "final_equity": str(final),
        "profit": str(final - initial),
        "total_return": str(rounded((final - initial) / initial, MILLIONTH)),
        "max_drawdown": str(rounded(max(falls), MILLIONTH)),
        "trades": str(trades),
        "fees": str(fees),
        "shares": str(shares),
        "cash": str(cash),
        "first_date": days[0][0],
        "last_date": days[-1][0],
        "days": str(len(days)),
    }


json.dump([calculate(run) for run in json.load(sys.stdin, parse_float=str, parse_int=str)], sys.stdout)
