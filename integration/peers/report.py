"""The tables and the chart of what peers.py measured: rates[way, op, size] is a list of frames a second, one for each round."""
import html
from statistics import median

BARE = "bare OpenCV"
OURS = "cvfarm"


def tables(rates, work, windows, lost, where):
    """Markdown: the times, and each way's time as a multiple of cvfarm's."""
    names = list(dict.fromkeys(way for way, _, _ in rates))
    head = [f"{op}, {size.replace('x', '×')}" for op, size in work]
    times = [["µs per frame", *head, "lost of 1,000 at kill -9"], ["in flight", *map(str, windows)]]
    ratios = [["time ÷ cvfarm's", *head]]
    for way in names:
        fate = "{0:,}: {1}".format(*lost[way]) if way in lost else ""
        times.append([way, *(f"{median(1e6 / fps for fps in rates[way, *w]):,.0f}" for w in work), fate])
        ratios.append([way, *(f"{ratio(rates, way, w):.2f}" for w in work)])
    return (f"{markdown(times, 'r' * len(work) + 'l')}\n{where}\n\nA time is the median of the rounds.\n\n"
            f"{markdown(ratios, 'r' * len(work))}\nThe median of the rounds' ratios.\n")


def ratio(rates, way, work):
    """The median of the ratios of two turns in the same round."""
    return median(ours / fps for fps, ours in zip(rates[way, *work], rates[OURS, *work]))


def markdown(rows, aligned):
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines.insert(1, "|---|" + "".join("---:|" if side == "r" else "---|" for side in aligned))
    return "\n".join(lines) + "\n"


def chart(rates, work, where):
    """Bars of frames a second, each work on a scale of its own."""
    names, bar, left, width = list(dict.fromkeys(way for way, _, _ in rates)), 16, 170, 420
    rows, y = [], 40
    for op, size in work:
        rows.append(f'<text x="10" y="{y + 12}" font-weight="bold">{op}, {size.replace("x", "×")}: frames a second</text>')
        y += 20
        middle = {way: median(rates[way, op, size]) for way in names}
        for way, rate in middle.items():
            colour = "#1f6fb2" if way.startswith(OURS) else "#333" if way == BARE else "#9aa7b3"
            long = width * rate / max(middle.values())
            rows.append(f'<text x="{left - 8}" y="{y + 12}" text-anchor="end">{html.escape(way)}</text>'
                        f'<rect x="{left}" y="{y + 1}" width="{long:.1f}" height="{bar - 3}" fill="{colour}"/>'
                        f'<text x="{left + long + 6:.1f}" y="{y + 12}">{rate:,.0f}</text>')
            y += bar
        y += 14
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 700 {y}" width="700" font-family="sans-serif" font-size="12">'
            f'<rect width="700" height="{y}" fill="#fff"/><text x="10" y="20" font-size="10" fill="#555">{html.escape(where)}</text>')
    return head + "\n".join(rows) + "</svg>\n"
