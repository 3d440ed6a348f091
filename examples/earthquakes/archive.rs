//! A file of records that describe themselves: for each, the length of its frame in four bytes,
//! little endian, and the frame.

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use memq::codec::Detected;
use memq::{Record, Subscriber};
use serde::de::DeserializeOwned;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// An archive on disk. A temporary one is removed with this.
pub struct Archive {
    pub path: PathBuf,
    temporary: bool,
}

/// What an archive holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    pub records: u64,
    pub bytes: u64,
}

impl Archive {
    /// An empty one at this path, in place of what is there; or a temporary one.
    pub fn create(path: Option<&Path>) -> Result<(Self, File)> {
        let temporary = path.is_none();
        let path = path.map_or_else(unused_path, Path::to_owned);
        let file = if temporary { File::create_new(&path) } else { File::create(&path) };
        let file = file.map_err(|error| format!("{}: {error}", path.display()))?;
        Ok((Self { path, temporary }, file))
    }

    /// Reads all records back, decodes them by what each says of itself, and gives them to `check`.
    pub fn read<T: DeserializeOwned>(
        &self,
        mut check: impl FnMut(T) -> Result<()>,
    ) -> Result<Size> {
        let mut file = BufReader::new(File::open(&self.path)?);
        let mut size = Size::default();
        while let Some(frame) = next_frame(&mut file)? {
            let Detected::Frame { format, .. } = Record::detect(&frame)? else {
                return Err("the archive holds something that is no frame".into());
            };
            size.records += 1;
            size.bytes += 4 + frame.len() as u64;
            let record = Record::parse(frame)?;
            assert_eq!(record.format(), format);
            check(record.decode()?)?;
        }
        Ok(size)
    }
}

impl Drop for Archive {
    fn drop(&mut self) {
        if self.temporary {
            // Nothing can be done about a file that does not go.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Writes every record of a topic as a frame with a checksum, until the topic is closed.
///
/// The records are written as they are stored: nothing is decoded or decompressed.
pub async fn write(mut records: Subscriber<Record>, file: File) -> Result<Size> {
    let mut file = BufWriter::new(file);
    let mut size = Size::default();
    while let Some(record) = records.next().await.transpose()? {
        let frame = record.frame_checked()?;
        file.write_all(&u32::try_from(frame.len())?.to_le_bytes())?;
        file.write_all(&frame)?;
        size.records += 1;
        size.bytes += 4 + frame.len() as u64;
    }
    file.flush()?;
    Ok(size)
}

/// The next frame of a file; `None` at its end.
fn next_frame(file: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut length = Vec::new();
    if file.take(4).read_to_end(&mut length)? == 0 {
        return Ok(None);
    }
    let length = <[u8; 4]>::try_from(length).map_err(|_| io::ErrorKind::UnexpectedEof)?;
    let length = u32::from_le_bytes(length);
    // Reserves what is there, not what the length claims.
    let mut frame = Vec::new();
    if file.take(length.into()).read_to_end(&mut frame)? < length as usize {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(frame))
}

fn unused_path() -> PathBuf {
    std::env::temp_dir().join(format!("memq-earthquakes-{}.frames", std::process::id()))
}
