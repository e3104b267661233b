//! `--rebind`: writes the new address of a terminal into the configuration file, and leaves everything else as it is.

use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use toml_edit::{DocumentMut, Item, TableLike, Value};

use super::known::Known;
use crate::config::{Config, Flags, Origin};
use crate::error::CliError;
use crate::exit_code::ExitCode;

/// A terminal that moved, and its new place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Move<'a> {
    pub(super) known: &'a Known,
    pub(super) address: IpAddr,
    pub(super) port: u16,
}

/// Writes the new places. The file is read as a sync would read it before it replaces the old one.
///
/// # Errors
/// When a terminal is not from a TOML file, or the file cannot be changed. Then nothing was changed.
pub(super) fn write(config: &Config, moves: &[Move<'_>]) -> Result<Vec<PathBuf>, CliError> {
    let mut files: Vec<(PathBuf, Vec<&Move<'_>>)> = Vec::new();
    for one in moves {
        let file = file_of(config, one.known)?;
        match files.iter_mut().find(|(known, _)| *known == file) {
            Some((_, moves)) => moves.push(one),
            None => files.push((file, vec![one])),
        }
    }
    for (file, moves) in &files {
        let text = fs::read_to_string(file).map_err(|error| cannot(file, &error))?;
        replace(file, &changed(file, &text, moves)?)?;
    }
    Ok(files.into_iter().map(|(file, _)| file).collect())
}

/// The file that a terminal's address is from.
fn file_of(config: &Config, known: &Known) -> Result<PathBuf, CliError> {
    let name = &known.device.name;
    match config.settings.get(&format!("device.{}.host", known.index)).map(|setting| &setting.origin) {
        Some(Origin::File(path, _)) if path.extension().is_none_or(|ending| ending != "json") => Ok(path.clone()),
        _ => Err(CliError::new(
            ExitCode::Configuration,
            format!("the address of {name} is not from a TOML file; nothing was changed"),
        )
        .hint("correct it where it is set: iclock-cli config show names the place")),
    }
}

/// The text with the new places.
fn changed(file: &Path, text: &str, moves: &[&Move<'_>]) -> Result<String, CliError> {
    let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| cannot(file, &error))?;
    for one in moves {
        let entry = entry(document.get_mut("device"), one.known.index).ok_or_else(|| {
            let what =
                format!("{}: no entry of {} was found; nothing was changed", file.display(), one.known.device.name);
            CliError::new(ExitCode::Configuration, what).hint("write its new address by hand")
        })?;
        set(entry, "host", one.address.to_string().into());
        if one.port != one.known.device.port {
            set(entry, "port", i64::from(one.port).into());
        }
    }
    Ok(document.to_string())
}

/// An entry of `[[device]]`, or of `device = [{ ... }]`.
fn entry(list: Option<&mut Item>, index: usize) -> Option<&mut dyn TableLike> {
    match list? {
        Item::ArrayOfTables(tables) => tables.get_mut(index).map(|table| table as &mut dyn TableLike),
        Item::Value(Value::Array(values)) => {
            let table = values.get_mut(index)?.as_inline_table_mut()?;
            Some(table as &mut dyn TableLike)
        }
        _ => None,
    }
}

/// Sets a key; the spaces and the comment after its value stay.
fn set(table: &mut dyn TableLike, key: &str, mut value: Value) {
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(old) => {
            *value.decor_mut() = old.decor().clone();
            *old = value;
        }
        None => {
            table.insert(key, Item::Value(value));
        }
    }
}

/// Puts the text in the file's place, once it is a valid configuration.
fn replace(file: &Path, text: &str) -> Result<(), CliError> {
    // A link stays one.
    let file = fs::canonicalize(file).map_err(|error| cannot(file, &error))?;
    let mut part = file.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let write = || -> io::Result<()> {
        fs::write(&part, text)?;
        fs::set_permissions(&part, fs::metadata(&file)?.permissions())?;
        fs::File::open(&part)?.sync_all()
    };
    let checked = write().map_err(|error| cannot(&file, &error)).and_then(|()| {
        Config::load(&Flags { config: Some(part.clone()), ..Flags::default() }).map_err(CliError::from)?;
        fs::rename(&part, &file).map_err(|error| cannot(&file, &error))
    });
    if checked.is_err() {
        // It may never have been made.
        let _ = fs::remove_file(&part);
    }
    checked
}

fn cannot(file: &Path, error: &dyn std::error::Error) -> CliError {
    CliError::because(ExitCode::Configuration, format!("cannot change {}", file.display()), error)
        .hint("correct the file, or write the new address by hand")
}

#[cfg(test)]
mod tests {
    use iclock_sync::DeviceOptions;

    use super::*;

    fn known(index: usize, port: u16) -> Known {
        let mut device = DeviceOptions::new(format!("t{index}"), "192.0.2.10");
        device.port = port;
        Known { index, device, serial: None, addresses: Vec::new() }
    }

    #[test]
    fn everything_but_the_address_stays_as_it_was() {
        let text = "# ours\n[[device]]\nname = \"t0\"\nhost = \"192.0.2.1\"\n\n[[device]] # second\nname = \"t1\"\n\
                    host    =   '192.0.2.10' # by the stairs\nport = 4370 # as always\n[[sink]]\nurl = \"csv:x\"\n";
        let (known, address) = (known(1, 4370), "192.0.2.99".parse().unwrap());
        let moved = changed(Path::new("x"), text, &[&Move { known: &known, address, port: 4370 }]).unwrap();
        assert_eq!(moved, text.replace("'192.0.2.10'", "\"192.0.2.99\""));
        let moved = changed(Path::new("x"), text, &[&Move { known: &known, address, port: 4371 }]).unwrap();
        assert!(moved.contains("port = 4371 # as always"), "{moved}");
    }

    #[test]
    fn an_entry_in_one_line_is_changed_too() {
        let text = "device = [{ name = \"t0\", host = \"192.0.2.10\" }]\n";
        let (known, address) = (known(0, 4370), "192.0.2.99".parse().unwrap());
        let moved = changed(Path::new("x"), text, &[&Move { known: &known, address, port: 4371 }]).unwrap();
        assert_eq!(moved, "device = [{ name = \"t0\", host = \"192.0.2.99\" , port = 4371 }]\n");
    }
}
