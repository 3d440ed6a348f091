//! A dictionary out of samples.

use twox_hash::XxHash64;
use zstd::zstd_safe::{get_error_name, train_from_buffer};

use super::{Dictionary, DictionaryError};
use crate::error::Cause;

/// Samples at least; zstd takes no fewer.
const FEWEST: usize = 8;

/// Bytes of samples at most; zstd takes twice as many.
const MOST: usize = 1 << 30;

/// Bytes of a dictionary at least; zstd makes none that is smaller.
const SMALLEST: usize = 256;

impl Dictionary {
    /// A dictionary of at most `max_bytes`, at least 256, of what these samples have in common: the
    /// payloads of some thousand real messages, as [`Record::payload`](crate::Record::payload) gives
    /// them. For its file, write its [`bytes`](Self::bytes).
    ///
    /// A few kilobytes do for one type, and 112,640 bytes is what `zstd --train` makes. All samples
    /// together should have a hundred times as many bytes; those after the first GiB are not looked
    /// at. It takes seconds for megabytes. The example `train_dictionary` is a program around it.
    /// Needs memq's feature `train`.
    ///
    /// ```
    /// use memq::Dictionary;
    ///
    /// let samples = (0..2_000).map(|n| format!(r#"{{"customer":{n},"item":"tea","price":{}}}"#, n % 97));
    /// let dictionary = Dictionary::train(samples, 1 << 10)?;
    /// assert!(dictionary.bytes().len() <= 1 << 10);
    /// # Ok::<(), memq::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`DictionaryError::Samples`] and [`DictionaryError::Train`] where there is too little to
    /// learn from.
    pub fn train<S: AsRef<[u8]>>(
        samples: impl IntoIterator<Item = S>,
        max_bytes: usize,
    ) -> Result<Self, DictionaryError> {
        let (mut all, mut sizes) = (Vec::new(), Vec::new());
        for sample in samples {
            let sample = sample.as_ref();
            if all.len().saturating_add(sample.len()) > MOST {
                break;
            }
            // An empty one says nothing, and zstd counts it.
            if !sample.is_empty() {
                all.extend_from_slice(sample);
                sizes.push(sample.len());
            }
        }
        let max_bytes = max_bytes.max(SMALLEST);
        if sizes.len() < FEWEST || all.len() < max_bytes {
            let (samples, bytes) = (sizes.len(), all.len());
            return Err(DictionaryError::Samples { samples, bytes, max_bytes });
        }
        let mut made = Vec::with_capacity(max_bytes);
        train_from_buffer(&mut made, &all, &sizes)
            .map_err(|code| DictionaryError::Train(Cause::from(get_error_name(code))))?;
        number(&mut made);
        Self::new(made)
    }
}

/// Gives a dictionary an id of all its bytes, in the range that is free for anybody. The one that zstd
/// chooses leaves out the tables, so that another dictionary of much the same records may have it too.
/// (RFC 8878, section 5.)
fn number(dictionary: &mut [u8]) {
    const FREE: std::ops::Range<u64> = 32_768..1 << 31;
    let Some(place) = dictionary.get_mut(4..8) else { return };
    place.fill(0);
    let id = FREE.start + XxHash64::oneshot(0, dictionary) % (FREE.end - FREE.start);
    dictionary[4..8].copy_from_slice(&(id as u32).to_le_bytes());
}
