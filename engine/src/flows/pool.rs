//! Places of one size that are used again, known by numbers.

/// No place.
pub(super) const NONE: u32 = u32::MAX;

/// Places for `T`. Those that were given back are used first.
#[derive(Debug)]
pub(super) struct Pool<T> {
    places: Vec<T>,
    free: Vec<u32>,
}

impl<T> Pool<T> {
    /// Room for that many without moving, as far as there is memory; untouched room costs none.
    pub(super) fn with_room(capacity: usize) -> Self {
        let mut places = Vec::new();
        let _ = places.try_reserve_exact(capacity);
        Self {
            places,
            free: Vec::new(),
        }
    }

    pub(super) fn put(&mut self, value: T) -> u32 {
        if let Some(number) = self.free.pop()
            && let Some(place) = self.places.get_mut(number as usize)
        {
            *place = value;
            return number;
        }
        let number = u32::try_from(self.places.len()).unwrap_or(NONE);
        self.places.push(value);
        number
    }

    /// Give a place back. What it holds stays until the place is used again.
    pub(super) fn free(&mut self, number: u32) {
        if number != NONE {
            self.free.push(number);
        }
    }

    #[inline]
    pub(super) fn get(&self, number: u32) -> Option<&T> {
        self.places.get(number as usize)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        self.places.get_mut(number as usize)
    }

    /// Places, free ones too.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }
}
