//! What repeats in a series.

/// Shorter series have nothing that repeats for certain.
const MIN_BINS: usize = 16;
const MIN_STRENGTH: f32 = 0.3;
/// By how many standard deviations of noise the autocorrelation has to stand out.
const SIGNIFICANT: f32 = 3.0;
/// The shortest lag that is nearly as good as the best is the period; the others are multiples of it.
const NEARLY: f32 = 0.8;
const LANES: usize = 8;

/// The period of a series, in bins, and the autocorrelation (normalised, 0 to 1) at it.
///
/// The series is smoothed by (1, 2, 1) / 4, so that a burst that slips into the next bin still counts, and its mean is
/// taken off. Looked at are lags from where the autocorrelation first turns up again to half of the series; of the peaks
/// among them that are nearly as high as the highest, the first one is it. None when that is not above 0.3 and three
/// standard deviations of noise. The place between bins is the vertex of the parabola through the peak and its neighbours.
pub(super) fn find(bins: &[u32]) -> Option<(f64, f32)> {
    if bins.len() < MIN_BINS {
        return None;
    }
    let series = level(bins);
    let squares = sums_of_squares(&series);
    let correlations: Vec<f32> = (0..=series.len() / 2 + 1)
        .map(|lag| correlation(&series, &squares, lag))
        .collect();
    let start = 1 + correlations.windows(2).position(|two| two[1] > two[0])?;
    let peaks: Vec<(usize, f32)> = correlations
        .windows(3)
        .enumerate()
        .map(|(index, three)| (index + 1, three))
        .filter(|&(lag, three)| {
            lag >= start && lag >= 2 && three[1] > three[0] && three[1] >= three[2]
        })
        .map(|(lag, three)| (lag, three[1]))
        .collect();
    let best = peaks.iter().map(|&(_, height)| height).fold(0.0, f32::max);
    let &(lag, height) = peaks.iter().find(|&&(_, height)| height >= best * NEARLY)?;
    let noise = SIGNIFICANT / ((series.len() - lag) as f32).sqrt();
    if height <= MIN_STRENGTH.max(noise) {
        return None;
    }
    let (before, after) = (*correlations.get(lag - 1)?, *correlations.get(lag + 1)?);
    let bend = before - 2.0 * height + after;
    let aside = if bend < 0.0 {
        (0.5 * (before - after) / bend).clamp(-0.5, 0.5)
    } else {
        0.0
    };
    Some((lag as f64 + f64::from(aside), height.min(1.0)))
}

/// Smoothed, without its mean, and scaled to at most 1 so that squares stay small.
fn level(bins: &[u32]) -> Vec<f32> {
    let at = |index: Option<usize>| {
        index
            .and_then(|index| bins.get(index))
            .map_or(0.0, |&octets| f64::from(octets))
    };
    let smooth: Vec<f64> = (0..bins.len())
        .map(|index| (at(index.checked_sub(1)) + 2.0 * at(Some(index)) + at(Some(index + 1))) / 4.0)
        .collect();
    let mean = smooth.iter().sum::<f64>() / smooth.len() as f64;
    let largest = smooth.iter().copied().fold(1.0, f64::max);
    smooth
        .iter()
        .map(|octets| ((octets - mean) / largest) as f32)
        .collect()
}

/// The sums of the squares of the first n numbers, for every n.
fn sums_of_squares(series: &[f32]) -> Vec<f64> {
    let mut sum = 0.0;
    let mut sums = vec![0.0];
    sums.extend(series.iter().map(|&number| {
        sum += f64::from(number) * f64::from(number);
        sum
    }));
    sums
}

fn correlation(series: &[f32], squares: &[f64], lag: usize) -> f32 {
    let kept = series.len().saturating_sub(lag);
    let (Some(early), Some(late)) = (series.get(..kept), series.get(lag..)) else {
        return 0.0;
    };
    let square = |index: usize| squares.get(index).copied().unwrap_or(0.0);
    let scale = (square(kept) * (square(series.len()) - square(lag))).sqrt();
    // A series without change has nothing that could repeat.
    if scale > 1e-9 {
        (f64::from(product(early, late)) / scale) as f32
    } else {
        0.0
    }
}

/// The sum of products, in lanes that a compiler can put into vector registers.
fn product(left: &[f32], right: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; LANES];
    let (left_parts, right_parts) = (left.chunks_exact(LANES), right.chunks_exact(LANES));
    let rest: f32 = left_parts
        .remainder()
        .iter()
        .zip(right_parts.remainder())
        .map(|(a, b)| a * b)
        .sum();
    for (a, b) in left_parts.zip(right_parts) {
        for lane in 0..LANES {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    lanes.iter().sum::<f32>() + rest
}
