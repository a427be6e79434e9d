"""Medians, ratios of the same rounds, tables, and verdicts."""

import statistics


def median(values):
    return statistics.median(values)


def quartiles(values):
    """The middle half; of fewer than four values all of them."""
    ordered = sorted(values)
    if len(ordered) < 4:
        return ordered[0], ordered[-1]
    low, _, high = statistics.quantiles(ordered, n=4, method="inclusive")
    return low, high


def ratio(rounds, name, other, field):
    """Of each round the quotient, then their median and middle half.

    A machine that is slow for a while is slow for both sides of a round, so the quotient holds
    where the figures themselves do not.
    """
    quotients = [each[name][field] / each[other][field] for each in rounds]
    low, high = quartiles(quotients)
    return {"median": median(quotients), "low": low, "high": high, "rounds": len(quotients)}


def spread(found):
    return f"{found['median']:.2f} ({found['low']:.2f}–{found['high']:.2f})"


def table(headings, rows):
    """A table in Markdown, its columns aligned."""
    cells = [headings, *[[str(cell) for cell in row] for row in rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headings))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |"
        for row in cells
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def thousands(value):
    return f"{value / 1_000:.1f}k"


class Verdicts:
    """Lines of `passed` and `missed`, with the figure beside its bound."""

    def __init__(self):
        self.found = []

    def check(self, what, value, most, unit="", detail=""):
        self.found.append(
            {"what": what, "value": value, "most": most, "unit": unit, "passed": value <= most,
             "detail": detail}
        )

    def lines(self):
        for each in self.found:
            word = "passed" if each["passed"] else "MISSED"
            detail = f"  {each['detail']}" if each["detail"] else ""
            yield f"{word}  {each['what']}: {each['value']:.2f}{each['unit']} (at most {each['most']}{each['unit']}){detail}"
