//! One JSON object per line.

use serde_json::{Value, json};

use crate::growth::Series;
use crate::measure::{Figures, Workload};

/// A peer in a workload.
pub fn line(workload: &Workload, figures: &Figures) -> Value {
    json!({
        "workload": workload.name,
        "peer": figures.peer,
        "median": figures.median,
        "min": figures.min,
        "max": figures.max,
        "unit": workload.unit,
        "higher_is_better": workload.higher_is_better,
        "ratio_to_seed": figures.to_base,
        "ratio_to_best_other": figures.to_best,
        "delivered": figures.delivered,
        "expected": figures.expected,
        "lost": figures.lost(),
        "duplicates": figures.duplicates,
    })
}

/// A point of a curve.
pub fn point(axis: &str, series: &Series, x: u64, median: f64) -> Value {
    json!({
        "growth": axis,
        "peer": series.peer,
        "at": x,
        "median": median,
        "unit": "ns",
        "higher_is_better": false,
    })
}
