//! Ordered collections, one item after the other: `collect` sorts all items first, which takes 5 kB of
//! code for each type, and is faster for thousands of items.

use std::collections::{BTreeMap, BTreeSet};

/// An iterator whose items have an order.
pub trait Ordered: Iterator + Sized {
    /// Its items as a set.
    fn ordered(self) -> BTreeSet<Self::Item>
    where
        Self::Item: Ord,
    {
        let mut set = BTreeSet::new();
        set.extend(self);
        set
    }

    /// Its items as a map; of equal keys the last counts.
    fn ordered_by_key<K: Ord, V>(self) -> BTreeMap<K, V>
    where
        Self: Iterator<Item = (K, V)>,
    {
        let mut map = BTreeMap::new();
        map.extend(self);
        map
    }
}

impl<I: Iterator> Ordered for I {}
