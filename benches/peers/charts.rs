//! The charts: bars for a workload, curves for growth.

use std::io;
use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;

use crate::SEED;
use crate::growth::Axis;
use crate::measure::{Figures, Workload, is_ours, significant};

const OURS: RGBColor = RGBColor(0x1f, 0x77, 0xb4);
const SEEDS: RGBColor = RGBColor(0xd6, 0x60, 0x4d);
const OTHERS: RGBColor = RGBColor(0xa8, 0xa8, 0xa8);
const LINES: [RGBColor; 3] = [OURS, SEEDS, RGBColor(0x4d, 0x9a, 0x4d)];
const FONT: &str = "sans-serif";

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

fn failed(error: impl std::error::Error) -> io::Error {
    io::Error::other(error.to_string())
}

/// Bars from the best to the worst, each with its median and range.
pub fn bars(path: &Path, workload: &Workload, figures: &[Figures]) -> io::Result<()> {
    let (width, left, right, line, top) = (760, 150, 110, 26, 44);
    let height = top + line * figures.len() as i32 + 12;
    let area = SVGBackend::new(path, (width as u32, height as u32)).into_drawing_area();
    area.fill(&WHITE).map_err(failed)?;
    let better = if workload.higher_is_better { "longer" } else { "shorter" };
    let title = format!("{} ({}; {better} is better)", workload.name, workload.unit);
    text(&area, &title, (12, 12), 18)?;

    let mut sorted = figures.iter().filter(|row| row.median.is_finite()).collect::<Vec<_>>();
    sorted.sort_by(|a, b| a.median.total_cmp(&b.median));
    if workload.higher_is_better {
        sorted.reverse();
    }
    let most = sorted.iter().map(|row| row.max).fold(f64::MIN_POSITIVE, f64::max);
    let x = |value: f64| left + (value.max(0.0) / most * f64::from(width - left - right)) as i32;
    for (index, row) in sorted.into_iter().enumerate() {
        let y = top + line * index as i32;
        let color = match row.peer {
            SEED => SEEDS,
            peer if is_ours(peer) => OURS,
            _ => OTHERS,
        };
        let bar = [(left, y), (x(row.median).max(left + 1), y + line - 8)];
        area.draw(&Rectangle::new(bar, color.filled())).map_err(failed)?;
        let middle = y + (line - 8) / 2;
        let range = [(x(row.min), middle), (x(row.max), middle)];
        area.draw(&PathElement::new(range, BLACK.mix(0.6))).map_err(failed)?;
        text(&area, row.peer, (12, y + 2), 14)?;
        let mut label = significant(row.median);
        if row.lost() > 0 {
            label.push_str(", loses");
        }
        text(&area, &label, (x(row.max) + 8, y + 2), 14)?;
    }
    area.present().map_err(failed)
}

fn text(area: &Area<'_>, words: &str, at: (i32, i32), size: i32) -> io::Result<()> {
    let style = (FONT, size).into_font().color(&BLACK);
    area.draw(&Text::new(words.to_string(), at, style)).map_err(failed)
}

/// Curves over powers of ten.
pub fn lines(path: &Path, axis: &Axis) -> io::Result<()> {
    let points = || axis.series.iter().flat_map(|series| &series.points);
    let (mut from, mut to) = (u64::MAX, 1);
    let (mut low, mut high) = (f64::INFINITY, 1.0_f64);
    for (at, value) in points().filter(|(_, value)| value.is_finite()) {
        (from, to) = (from.min(*at), to.max(*at));
        (low, high) = (low.min(*value), high.max(*value));
    }
    let area = SVGBackend::new(path, (760, 420)).into_drawing_area();
    area.fill(&WHITE).map_err(failed)?;
    let mut chart = ChartBuilder::on(&area)
        .caption(format!("{}: ns for a message", axis.name), (FONT, 18))
        .margin(12)
        .margin_right(36)
        .x_label_area_size(40)
        .y_label_area_size(60)
        .build_cartesian_2d(
            (from as f64..to as f64).log_scale(),
            (low.min(10.0)..high * 2.0).log_scale(),
        )
        .map_err(failed)?;
    chart
        .configure_mesh()
        .x_desc(axis.along)
        .x_label_formatter(&|value| significant(*value))
        .y_label_formatter(&|value| significant(*value))
        .draw()
        .map_err(failed)?;
    for (series, color) in axis.series.iter().zip(LINES.iter().cycle()) {
        let points = || series.points.iter().map(|(at, value)| (*at as f64, *value));
        chart
            .draw_series(LineSeries::new(points(), color.stroke_width(2)))
            .map_err(failed)?
            .label(series.peer)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color.stroke_width(2)));
        chart.draw_series(points().map(|at| Circle::new(at, 3, color.filled()))).map_err(failed)?;
    }
    chart
        .configure_series_labels()
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.2))
        .position(SeriesLabelPosition::UpperLeft)
        .draw()
        .map_err(failed)?;
    area.present().map_err(failed)
}
