"""The chart: the total as steps, the threshold, and what happened at each step as long as there is room."""

from io import BytesIO

from matplotlib import dates
from matplotlib.figure import Figure

from environment import to_moment

# More names than that would cover each other.
LABELS = 20


def draw(bucket, threshold, records, start, end):
    """A PNG of 1200 by 675 pixels."""
    times = [to_moment(record["committed_at"]) for record in records]
    totals = [record["total_size"] for record in records]
    before = totals[0] - records[0]["size_delta"] if records else 0
    start = start or (times[0] if times else end)
    figure = Figure(figsize=(12, 6.75), dpi=100)
    axes = figure.subplots()
    axes.step([start, *times, end], [before, *totals, totals[-1] if totals else 0], where="post", label="total")
    axes.axhline(threshold, color="tab:red", linestyle="--", label=f"threshold ({threshold} bytes)")
    if len(records) <= LABELS:
        axes.plot(times, totals, "o", markersize=4)
        for time, record in zip(times, records):
            text = f"{record['object_name']} {record['size_delta']:+}"
            axes.annotate(text, (time, record["total_size"]), xytext=(4, 4), textcoords="offset points", fontsize=7)
    axes.set_title(f"{bucket}: {len(records)} events, at most {max([before, *totals])} bytes")
    axes.set_ylabel("total size (bytes)")
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(axes.xaxis.get_major_locator()))
    axes.grid(alpha=0.3)
    axes.legend(loc="upper right")
    png = BytesIO()
    figure.savefig(png, format="png")
    return png.getvalue()
