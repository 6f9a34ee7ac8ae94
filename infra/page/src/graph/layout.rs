//! Places for states, and ways for transitions: the story goes straight down; a state that only leads back stands beside the
//! one that leads to it; every other branch goes down to the right of what is there already.

/// Between two nodes beside each other.
const APART: f64 = 26.0;
/// Between two layers.
const BELOW: f64 = 20.0;

/// How large a node is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Size {
    pub(crate) width: f64,
    pub(crate) height: f64,
}

/// Where nodes and edges are.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Laid {
    pub(crate) width: f64,
    pub(crate) height: f64,
    /// Each node's upper left corner.
    pub(crate) places: Vec<(f64, f64)>,
    /// Each edge's points.
    pub(crate) routes: Vec<Vec<(f64, f64)>>,
}

/// A node's place: the layer, and its middle from left to right.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Place {
    layer: usize,
    middle: f64,
}

struct Layout<'a> {
    sizes: &'a [Size],
    edges: &'a [(usize, usize)],
    places: Vec<Option<Place>>,
}

/// Lays out nodes of these sizes, of which the first is where everything begins. The edges of a node come in the order of
/// their importance: the first one is where the story goes on.
pub(crate) fn layout(sizes: &[Size], edges: &[(usize, usize)]) -> Laid {
    let mut layout = Layout { sizes, edges, places: vec![None; sizes.len()] };
    for node in 0..sizes.len() {
        if layout.places[node].is_none() {
            layout.branch(node);
            layout.beside();
        }
    }
    layout.drawn()
}

impl Layout<'_> {
    fn targets(&self, node: usize) -> impl Iterator<Item = usize> {
        self.edges.iter().filter(move |(from, _)| *from == node).map(|(_, to)| *to)
    }

    fn sources(&self, node: usize) -> impl Iterator<Item = usize> {
        self.edges.iter().filter(move |(_, to)| *to == node).map(|(from, _)| *from)
    }

    /// Places `first` and where the story goes on from there, below what leads there and beside what is there already.
    fn branch(&mut self, first: usize) {
        let mut chain = vec![first];
        while let Some(next) = self.onward(&chain) {
            if self.places[next].is_some() || chain.contains(&next) {
                break;
            }
            chain.push(next);
        }
        let above = self.sources(first).filter_map(|node| self.places[node]).map(|place| place.layer + 1);
        let top = above.max().unwrap_or_default();
        let wide = chain.iter().map(|&node| self.sizes[node].width).fold(0.0, f64::max);
        let right = (top..top + chain.len()).filter_map(|layer| self.right(layer)).fold(f64::NEG_INFINITY, f64::max);
        let middle = if right.is_finite() { right + APART + wide / 2.0 } else { 0.0 };
        for (step, node) in chain.into_iter().enumerate() {
            self.places[node] = Some(Place { layer: top + step, middle });
        }
    }

    /// Where the story goes on from the end of a chain: not to what only leads back, if there is anything else.
    fn onward(&self, chain: &[usize]) -> Option<usize> {
        let targets: Vec<_> = self.targets(*chain.last()?).collect();
        let leads_on = |node: &&usize| self.targets(**node).next().is_none_or(|next| !chain.contains(&next));
        targets.iter().find(leads_on).or(targets.first()).copied()
    }

    /// Places the nodes that only lead back to a node above the one that leads to them.
    fn beside(&mut self) {
        for node in 0..self.sizes.len() {
            let sources: Vec<_> = self.sources(node).collect();
            let targets: Vec<_> = self.targets(node).collect();
            let (&[source], &[target]) = (&sources[..], &targets[..]) else { continue };
            let (None, Some(before), Some(after)) = (self.places[node], self.places[source], self.places[target])
            else {
                continue;
            };
            if after.layer < before.layer {
                let right = self.right(before.layer).unwrap_or_default();
                let middle = right + APART + self.sizes[node].width / 2.0;
                self.places[node] = Some(Place { layer: before.layer, middle });
            }
        }
    }

    /// How far to the right a layer's nodes reach.
    fn right(&self, layer: usize) -> Option<f64> {
        let placed = self.places.iter().zip(self.sizes).filter_map(|(place, size)| Some(((*place)?, size)));
        let edges =
            placed.filter(|(place, _)| place.layer == layer).map(|(place, size)| place.middle + size.width / 2.0);
        edges.reduce(f64::max)
    }

    fn drawn(&self) -> Laid {
        let placed: Vec<Place> = self.places.iter().flatten().copied().collect();
        let layers = placed.iter().map(|place| place.layer + 1).max().unwrap_or_default();
        let mut tops = vec![0.0];
        for layer in 0..layers {
            let heights = placed.iter().zip(self.sizes).filter(|(place, _)| place.layer == layer);
            let height = heights.map(|(_, size)| size.height).fold(0.0, f64::max);
            tops.push(tops[layer] + height + BELOW);
        }
        let left = placed.iter().zip(self.sizes).map(|(place, size)| place.middle - size.width / 2.0);
        let left = left.reduce(f64::min).unwrap_or_default() - 1.0;
        let boxes: Vec<Box> = placed
            .iter()
            .zip(self.sizes)
            .map(|(place, size)| Box {
                left: (place.middle - size.width / 2.0 - left).round(),
                top: tops[place.layer] + 1.0,
                size: *size,
            })
            .collect();
        let right = boxes.iter().map(Box::right).fold(0.0, f64::max);
        let routes: Vec<_> = self.edges.iter().map(|&(from, to)| route(&boxes, from, to, right)).collect();
        let farthest = routes.iter().flatten().map(|point| point.0).fold(right, f64::max);
        Laid {
            width: farthest + 2.0,
            height: tops[layers] - if layers > 0 { BELOW } else { 0.0 } + 2.0,
            places: boxes.iter().map(|it| (it.left, it.top)).collect(),
            routes,
        }
    }
}

/// A node in the drawing.
struct Box {
    left: f64,
    top: f64,
    size: Size,
}

impl Box {
    fn right(&self) -> f64 {
        self.left + self.size.width
    }

    fn bottom(&self) -> f64 {
        self.top + self.size.height
    }

    fn middle(&self) -> (f64, f64) {
        (self.left + self.size.width / 2.0, self.top + self.size.height / 2.0)
    }
}

/// From one node to another; `right` is where there are no nodes any more.
fn route(boxes: &[Box], from: usize, to: usize, right: f64) -> Vec<(f64, f64)> {
    let (from, to) = (&boxes[from], &boxes[to]);
    let ((x, y), (to_x, to_y)) = (from.middle(), to.middle());
    let is_level = (from.top - to.top).abs() < 1.0;
    if is_level && to.left > from.right() {
        return vec![(from.right(), y), (to.left, to_y)];
    }
    if to.top > from.top {
        // Down: straight if it can be, otherwise first to the side.
        return match to_x {
            _ if (to_x - x).abs() < 1.0 => vec![(x, from.bottom()), (to_x, to.top)],
            _ if to_x > from.left + 8.0 && to_x < from.right() - 8.0 => vec![(to_x, from.bottom()), (to_x, to.top)],
            _ if to_x > x => vec![(from.right(), y), (to_x, y), (to_x, to.top)],
            _ => vec![(x, from.bottom()), (x, to.top - BELOW / 2.0), (to_x, to.top - BELOW / 2.0), (to_x, to.top)],
        };
    }
    // Up: from beside, between the columns, or around everything.
    if from.left > to.right() {
        let above = |it: &Box| it.top < from.top && it.bottom() > to_y;
        let is_near = from.left - to.right() < from.size.width + 2.0 * APART;
        if is_near && !boxes.iter().any(|it| above(it) && it.left < x && x < it.right()) {
            return vec![(x, from.top), (x, to_y), (to.right(), to_y)];
        }
        let lane = to.right() + APART / 2.0;
        let is_level = |it: &Box| it.top < y && y < it.bottom() && it.left < from.left && lane < it.right();
        if !boxes.iter().any(|it| above(it) && it.left < lane && lane < it.right() || is_level(it)) {
            return vec![(from.left, y), (lane, y), (lane, to_y), (to.right(), to_y)];
        }
    }
    let lane = right + APART / 2.0;
    if boxes.iter().any(|it| (it.top - from.top).abs() < 1.0 && it.left > from.right()) {
        let (x, above) = (x + from.size.width / 4.0, from.top - BELOW / 2.0);
        return vec![(x, from.top), (x, above), (lane, above), (lane, to_y), (to.right(), to_y)];
    }
    vec![(from.right(), y), (lane, y), (lane, to_y), (to.right(), to_y)]
}
