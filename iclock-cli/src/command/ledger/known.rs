//! The terminals that the ledger knows, for the flags that select one.

use chrono::Local;
use iclock_sync::Ledger;

use crate::error::CliError;
use crate::exit_code::ExitCode;

/// Refuses a name or serial number that no terminal of the ledger has: nothing could be selected.
pub(super) fn require_terminal(ledger: &Ledger, name: Option<&str>) -> Result<(), CliError> {
    let Some(name) = name else { return Ok(()) };
    let known = ledger.overview(Local::now().naive_local())?.terminals;
    if known.iter().any(|terminal| terminal.name == name || terminal.serial == name) {
        return Ok(());
    }
    let was_called = known.iter().find(|terminal| terminal.other_names.iter().any(|other| other == name));
    let hint = match (was_called, known.as_slice()) {
        (Some(terminal), _) => format!("it was last read as {}", terminal.name),
        (None, []) => "no terminal was read yet; a sync reads them".to_owned(),
        (None, known) => {
            let names: Vec<&str> = known.iter().map(|terminal| terminal.name.as_str()).collect();
            format!("the ledger knows {}", names.join(", "))
        }
    };
    Err(CliError::new(ExitCode::Usage, format!("no terminal of the ledger is called {name}")).hint(hint))
}
