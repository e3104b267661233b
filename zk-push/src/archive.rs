//! Packed uploads: a `tgz` of text files, as some controllers send their log, and bodies in gzip.

use std::io::Read;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use flate2::read::GzDecoder;

use crate::{Fields, Text};

/// The most bytes that come out of one archive. A body of records is never longer.
pub const MAX_UNPACKED: usize = 16 << 20;
/// The most bytes that come out of one packed byte. Text of records packs 20 to 1 at best.
const MAX_RATIO: usize = 200;
/// So much may come out of an archive of a few bytes.
const LEAST: usize = 64 << 10;
/// The most files in an archive.
const MAX_FILES: usize = 64;
/// The longest head in front of the data, in bytes.
const MAX_HEAD: usize = 4096;

/// The reason why an archive is not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// The data is shorter than its head says.
    #[error("the archive was cut: it has {have} of {size} bytes")]
    Truncated {
        /// The bytes that came.
        have: usize,
        /// The bytes that the head claims.
        size: u64,
    },
    /// It has no head, no base64 or no gzip.
    #[error("what came is no packed file")]
    NoArchive,
    /// It cannot be unpacked.
    #[error("the archive is damaged")]
    Damaged(#[source] std::io::Error),
    /// More comes out of it than of any upload.
    #[error("more than {most} bytes come out of the archive")]
    TooLarge {
        /// The most bytes.
        most: usize,
    },
    /// It has more files than any upload.
    #[error("the archive has more than {MAX_FILES} files")]
    TooManyFiles,
}

/// Returns the lines of all files in a packed upload. Names and directories in it mean nothing: nothing is written.
///
/// The body is the `tgz` itself, or a head of fields (`name`, `size`, `datacode=base64`, `datatype=tgz`), a NUL, and
/// the `tgz` as it is or in base64.
///
/// # Errors
/// [`ArchiveError`].
pub fn unpack(body: &Bytes) -> Result<Bytes, ArchiveError> {
    let tar = gunzip(&packed(body)?, MAX_UNPACKED)?;
    let mut text = Vec::new();
    let mut files = 0;
    let mut archive = tar::Archive::new(tar.as_slice());
    for entry in archive.entries().map_err(ArchiveError::Damaged)? {
        let mut entry = entry.map_err(ArchiveError::Damaged)?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        files += 1;
        if files > MAX_FILES {
            return Err(ArchiveError::TooManyFiles);
        }
        let (size, begin) = (entry.size(), text.len());
        entry.read_to_end(&mut text).map_err(ArchiveError::Damaged)?;
        let have = text.len() - begin;
        if (have as u64) < size {
            return Err(ArchiveError::Truncated { have, size });
        }
        text.push(b'\n');
    }
    Ok(text.into())
}

/// The data after the head.
fn packed(body: &Bytes) -> Result<Bytes, ArchiveError> {
    if body.starts_with(&[0x1F, 0x8B]) {
        return Ok(body.clone());
    }
    let end = body.iter().take(MAX_HEAD).position(|byte| *byte == 0).ok_or(ArchiveError::NoArchive)?;
    let (head, data) = (body.slice(..end), body.slice(end + 1..));
    let fields = Fields::split(&head, |byte| matches!(byte, b'\n' | b'\r')).map_err(|_| ArchiveError::NoArchive)?;
    let size = fields.get("size").and_then(Text::number).and_then(|size| u64::try_from(size).ok()).unwrap_or_default();
    // In base64 the head may give the size of what comes out, which is less than what came.
    if (data.len() as u64) < size {
        return Err(ArchiveError::Truncated { have: data.len(), size });
    }
    if !fields.get("datacode").is_some_and(|code| code.is("base64")) {
        return Ok(data);
    }
    let digits: Vec<u8> = data.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n' | 0)).collect();
    BASE64_STANDARD.decode(digits).map(Bytes::from).map_err(|_| ArchiveError::NoArchive)
}

/// Unpacks gzip, at most so many bytes.
pub(crate) fn gunzip(packed: &[u8], most: usize) -> Result<Vec<u8>, ArchiveError> {
    let most = most.min(packed.len().saturating_mul(MAX_RATIO).max(LEAST));
    let mut unpacked = Vec::new();
    let mut bounded = GzDecoder::new(packed).take(most as u64 + 1);
    bounded.read_to_end(&mut unpacked).map_err(ArchiveError::Damaged)?;
    if unpacked.len() > most {
        return Err(ArchiveError::TooLarge { most });
    }
    Ok(unpacked)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn tgz(files: &[&[u8]]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        for (n, content) in files.iter().enumerate() {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o600);
            header.set_cksum();
            tar.append_data(&mut header, format!("log/{n}.txt"), *content).unwrap();
        }
        gzip(&tar.into_inner().unwrap())
    }

    fn framed(head: &str, data: &[u8]) -> Bytes {
        [head.as_bytes(), b"\0", data].concat().into()
    }

    #[test]
    fn the_lines_of_all_files_come_out_whatever_is_around_them() {
        let packed = tgz(&[b"one\ntwo\n", b"three"]);
        let text = BASE64_STANDARD.encode(&packed);
        let head = format!("name=transaction.tgz\nsize={}\ndatacode=base64\ndatatype=tgz", packed.len());
        for body in [packed.clone().into(), framed(&head, text.as_bytes()), framed("size=4", &packed)] {
            assert_eq!(&unpack(&body).unwrap()[..], b"one\ntwo\n\nthree\n");
        }
    }

    #[test]
    fn what_was_cut_or_is_no_archive_is_refused() {
        let packed = tgz(&[b"one\n"]);
        let cut = &packed[..packed.len() / 2];
        assert!(matches!(unpack(&cut.to_vec().into()), Err(ArchiveError::Damaged(_))));
        let long = framed(&format!("size={}", packed.len() + 1), &packed);
        assert!(matches!(unpack(&long), Err(ArchiveError::Truncated { .. })));
        for body in [&b""[..], b"name=x", b"size=1\0A", b"datacode=base64\0****"] {
            assert!(unpack(&Bytes::copy_from_slice(body)).is_err(), "{body:?}");
        }
        // A file that ends before its size.
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(4_000);
        header.set_cksum();
        tar.append_data(&mut header, "a", &[b'x'; 4_000][..]).unwrap();
        let whole = tar.into_inner().unwrap();
        assert!(unpack(&gzip(&whole[..1_000]).into()).is_err());
    }

    #[test]
    fn a_bomb_is_stopped_by_its_ratio_and_by_its_size() {
        let zeros = gzip(&vec![0; 32 << 20]);
        assert!(matches!(unpack(&zeros.into()), Err(ArchiveError::TooLarge { .. })));
        let most = |bytes: usize, most: usize| gunzip(&gzip(&vec![b'x'; bytes]), most).is_ok();
        assert_eq!((most(1_000, 1_000), most(1_001, 1_000)), (true, false));
        let many: Vec<&[u8]> = vec![b"x"; MAX_FILES + 1];
        assert!(matches!(unpack(&tgz(&many).into()), Err(ArchiveError::TooManyFiles)));
    }
}
