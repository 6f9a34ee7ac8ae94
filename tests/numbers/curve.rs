//! Curves over a logarithmic axis, as an SVG.

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 400.0;
/// The room for the axes and the names of the lines: left, right, top, bottom.
const MARGINS: [f64; 4] = [64.0, 230.0, 44.0, 48.0];
/// Distinct for those who see no red or no green, too. [Okabe and Ito]
const COLORS: [&str; 5] = ["#0072b2", "#009e73", "#e69f00", "#cc79a7", "#999999"];
/// Lines across, at most.
const STEPS: f64 = 6.0;

pub struct Curve {
    pub title: String,
    pub lines: Vec<Line>,
}

pub struct Line {
    pub name: String,
    /// By growing x.
    pub points: Vec<(f64, f64)>,
}

impl Curve {
    pub fn to_svg(&self) -> String {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let (least, most) = points().fold((f64::MAX, 1.0_f64), |(least, most), (x, _)| (least.min(*x), most.max(*x)));
        let step = step(points().map(|(_, y)| *y).fold(1.0, f64::max));
        let highest = points().map(|(_, y)| (y / step).ceil() * step).fold(step, f64::max);
        let [left, right, top, bottom] = MARGINS;
        let x = |value: f64| left + (WIDTH - left - right) * (value / least).ln() / (most / least).ln();
        let y = |value: f64| HEIGHT - bottom - (HEIGHT - top - bottom) * value / highest;

        let mut svg = format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}">
<title>{title}</title>
<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>
<g font-family="Inter, system-ui, sans-serif" font-size="12" fill="#333333">
<text x="{left}" y="24" font-size="15" font-weight="600">{title}</text>
"##,
            title = self.title
        );
        let mut add = |element: String| {
            svg.push_str(&element);
            svg.push('\n');
        };
        let edge = WIDTH - right;
        for number in 0..=(highest / step).round() as usize {
            let value = step * number as f64;
            let at = y(value);
            add(format!(r##"<path d="M{left:.1} {at:.1}H{edge:.1}" stroke="#dddddd"/>"##));
            add(format!(r#"<text x="{:.1}" y="{:.1}" text-anchor="end">{value}</text>"#, left - 8.0, at + 4.0));
        }
        for (value, _) in self.lines.first().into_iter().flat_map(|line| &line.points) {
            add(format!(
                r#"<text x="{:.1}" y="{:.1}" text-anchor="middle">{value}</text>"#,
                x(*value),
                HEIGHT - bottom + 20.0
            ));
        }
        let mut lowest_name = f64::NEG_INFINITY;
        let mut lines: Vec<_> = self.lines.iter().zip(COLORS).collect();
        lines.sort_by(|(a, _), (b, _)| b.last().total_cmp(&a.last()));
        for (line, color) in lines {
            let path: Vec<String> = line.points.iter().map(|(px, py)| format!("{:.1} {:.1}", x(*px), y(*py))).collect();
            add(format!(r#"<path d="M{}" fill="none" stroke="{color}" stroke-width="2"/>"#, path.join("L")));
            lowest_name = (y(line.last()) + 4.0).max(lowest_name + 16.0);
            add(format!(r#"<text x="{:.1}" y="{lowest_name:.1}" fill="{color}">{}</text>"#, edge + 8.0, line.name));
        }
        svg.push_str("</g>\n</svg>\n");
        svg
    }
}

impl Line {
    fn last(&self) -> f64 {
        self.points.last().map_or(0.0, |(_, y)| *y)
    }
}

/// A round distance between lines across.
fn step(highest: f64) -> f64 {
    let least = highest / STEPS;
    let power = 10_f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power).into_iter().find(|step| *step >= least).unwrap_or(power)
}
