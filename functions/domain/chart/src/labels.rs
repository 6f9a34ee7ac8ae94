//! Where labels find room.

use super::geometry::Rect;

/// Room for labels: what is taken, and within which bounds.
#[derive(Clone, Debug)]
pub(super) struct Room {
    bounds: Rect,
    taken: Vec<Rect>,
    /// Points that a label of another point would seem to belong to, each with the area where it would.
    points: Vec<((i32, i32), Rect)>,
    margin: (i32, i32),
}

impl Room {
    /// Free room within `bounds`; labels keep `margin` pixels (across, down) from one another.
    pub fn new(bounds: Rect, margin: (i32, i32)) -> Self {
        Self { bounds, taken: Vec::new(), points: Vec::new(), margin }
    }

    /// Takes a rectangle that no label may touch.
    pub fn take(&mut self, rect: Rect) {
        self.taken.push(rect);
    }

    /// Keeps labels of other points out of the area around a point.
    pub fn guard(&mut self, point: (i32, i32), area: Rect) {
        self.points.push((point, area));
    }

    /// The first of the candidates that is free, which it takes.
    pub fn place(&mut self, candidates: impl IntoIterator<Item = Rect>) -> Option<Rect> {
        let found = candidates.into_iter().find(|candidate| self.is_free(candidate))?;
        self.taken.push(found.grown(self.margin.0, self.margin.1));
        Some(found)
    }

    /// The first of the candidates that is free and close to no other point than its own.
    pub fn place_for(&mut self, point: (i32, i32), candidates: impl IntoIterator<Item = Rect>) -> Option<Rect> {
        let own =
            |candidate: &Rect| !self.points.iter().any(|(other, area)| *other != point && area.overlaps(candidate));
        let own: Vec<_> = candidates.into_iter().filter(own).collect();
        self.place(own)
    }

    fn is_free(&self, candidate: &Rect) -> bool {
        self.bounds.holds(candidate) && !self.taken.iter().any(|taken| taken.overlaps(candidate))
    }
}

/// The places around a point for a label of this size, `gap` pixels away, the best first: after the point, where the
/// total that it led to holds. None is farther off, where a reader would have to guess what the label belongs to.
pub(super) fn around((x, y): (i32, i32), (width, height): (i32, i32), gap: i32) -> [Rect; 8] {
    let (right, left, centre) = (x + gap, x - gap - width, x - width / 2);
    let (above, below, beside) = (y - gap - height, y + gap, y - height / 2);
    let places = [
        (right, above),
        (right, below),
        (left, above),
        (left, below),
        (right, beside),
        (left, beside),
        (centre, above),
        (centre, below),
    ];
    places.map(|(left, top)| Rect::new(left, top, left + width, top + height))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BOUNDS: Rect = Rect::new(0, 0, 200, 100);

    fn room() -> Room {
        Room::new(BOUNDS, (4, 2))
    }

    #[test]
    fn a_label_stands_above_and_right_of_its_point() {
        assert_eq!(room().place(around((50, 50), (40, 10), 8)), Some(Rect::new(58, 32, 98, 42)));
    }

    #[test]
    fn a_label_near_the_edge_stands_on_the_other_side() {
        assert_eq!(room().place(around((190, 50), (40, 10), 8)), Some(Rect::new(142, 32, 182, 42)));
        assert_eq!(room().place(around((50, 5), (40, 10), 8)), Some(Rect::new(58, 13, 98, 23)));
    }

    #[test]
    fn the_second_label_of_a_point_makes_way() {
        let mut room = room();
        let both: Vec<_> = (0..2).map(|_| room.place(around((50, 50), (40, 10), 8))).collect();
        assert_eq!(both, [Some(Rect::new(58, 32, 98, 42)), Some(Rect::new(58, 58, 98, 68))]);
    }

    #[test]
    fn a_label_without_room_is_left_out() {
        let mut room = room();
        room.take(BOUNDS);
        assert_eq!(room.place(around((50, 50), (40, 10), 8)), None);
    }

    #[test]
    fn a_label_stays_away_from_points_of_others() {
        let mut room = room();
        room.guard((50, 50), Rect::around((50, 50), 20));
        room.guard((90, 50), Rect::around((90, 50), 20));
        assert_eq!(room.place_for((50, 50), around((50, 50), (40, 10), 8)), Some(Rect::new(2, 32, 42, 42)));
    }

    proptest! {
        #[test]
        fn labels_overlap_nothing(
            obstacles in proptest::collection::vec((0i32..200, 0i32..100), 0..20),
            points in proptest::collection::vec((0i32..200, 0i32..100), 0..60)
        ) {
            let mut room = room();
            let mut taken: Vec<_> = obstacles.into_iter().map(|point| Rect::around(point, 3)).collect();
            taken.iter().for_each(|rect| room.take(*rect));
            for point in points {
                let Some(label) = room.place(around(point, (40, 10), 8)) else { continue };
                prop_assert!(BOUNDS.holds(&label));
                prop_assert!(taken.iter().all(|rect| !rect.overlaps(&label)));
                taken.push(label);
            }
        }
    }
}
