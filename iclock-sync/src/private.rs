//! Files and directories that only the program's user may read. Elsewhere than on Unix the directory above decides of that.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::path::Path;

/// Makes a directory and those above it; one that is there keeps its rights.
pub(crate) fn create_dir_all(dir: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

/// How a file is opened that is made where there is none.
pub(crate) fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Opens an empty file to write.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    let file = options().truncate(true).open(path)?;
    protect(path)?;
    Ok(file)
}

/// Takes a file of ours from the eyes of others.
pub(crate) fn protect(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    #[cfg(not(unix))]
    fs::metadata(path)?;
    Ok(())
}
