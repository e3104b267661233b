//! Files and directories that only the program's user may read. On systems other than Unix the parent directory
//! decides.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::path::Path;

/// Makes a directory and its parents. An existing one keeps its rights.
pub(crate) fn create_dir_all(dir: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

/// Options to open a file to write, or make it.
pub(crate) fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Makes an empty file to write.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    let file = options().truncate(true).open(path)?;
    protect(path)?;
    Ok(file)
}

/// Hides a file from other users.
pub(crate) fn protect(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    #[cfg(not(unix))]
    fs::metadata(path)?;
    Ok(())
}

/// Gives a file or directory to the owner of another one, so that a service which runs as that user can read it. Only
/// an administrator can; for others it stays as it is.
#[cfg(feature = "push")]
pub(crate) fn give_to_owner_of(owned: &Path, path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt as _, chown};
        let (owner, now) = (fs::metadata(owned)?, fs::metadata(path)?);
        if (owner.uid(), owner.gid()) != (now.uid(), now.gid()) {
            match chown(path, Some(owner.uid()), Some(owner.gid())) {
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
                outcome => return outcome,
            }
        }
    }
    #[cfg(not(unix))]
    let _ = (owned, path);
    Ok(())
}

/// Makes the name of a new file durable.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(dir)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = dir;
    Ok(())
}
