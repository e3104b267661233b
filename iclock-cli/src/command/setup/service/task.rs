//! The service as a scheduled task of Windows, which starts with the machine. It has not been tried on Windows.

use super::{Install, Named, Uninstall, program, run};
use crate::context::Outcome;
use crate::exit_code::ExitCode;
use crate::output;

pub(super) fn install(args: &Install) -> Outcome {
    let script = script(args, &program()?.display().to_string());
    if args.print {
        output::line(script);
        return Ok(ExitCode::Done);
    }
    powershell(&script)
}

pub(super) fn uninstall(args: &Uninstall) -> Outcome {
    let script = format!(
        "Stop-ScheduledTask -TaskName {0}\nUnregister-ScheduledTask -TaskName {0} -Confirm:$false",
        args.named.name
    );
    if args.print {
        output::line(script);
        return Ok(ExitCode::Done);
    }
    powershell(&script)
}

pub(super) fn status(named: &Named) -> Outcome {
    powershell(&format!("Get-ScheduledTask -TaskName {} | Get-ScheduledTaskInfo", named.name))
}

fn powershell(script: &str) -> Outcome {
    run("powershell", &["-NoProfile", "-NonInteractive", "-Command", script])?;
    Ok(ExitCode::Done)
}

/// The commands that `docs/operations.md` shows, for this program.
fn script(args: &Install, program: &str) -> String {
    let (name, command) = (&args.named.name, args.command());
    let program = program.replace('\'', "''");
    [
        format!("$dir = \"$env:ProgramData\\{name}\""),
        "New-Item -ItemType Directory -Force $dir | Out-Null".to_owned(),
        "icacls $dir /grant \"NT AUTHORITY\\LOCAL SERVICE:(OI)(CI)M\"".to_owned(),
        format!("$what = New-ScheduledTaskAction -Execute '{program}' `"),
        format!("    -Argument \"{command} --quiet\" -WorkingDirectory $dir"),
        "$when = New-ScheduledTaskTrigger -AtStartup".to_owned(),
        "$how = New-ScheduledTaskSettingsSet -ExecutionTimeLimit ([TimeSpan]::Zero) -RestartCount 99 `".to_owned(),
        "    -RestartInterval (New-TimeSpan -Minutes 1)".to_owned(),
        "$who = New-ScheduledTaskPrincipal -UserId \"NT AUTHORITY\\LOCAL SERVICE\" -LogonType ServiceAccount"
            .to_owned(),
        format!("Register-ScheduledTask -TaskName {name} -Action $what -Trigger $when -Settings $how -Principal $who"),
        format!("Start-ScheduledTask -TaskName {name}"),
    ]
    .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_task_runs_this_program_in_a_loop() {
        let named = Named { name: "iclock".to_owned(), root: "/".into() };
        let args = Install { named, print: true, windows: false, user: "iclock".to_owned(), live: true, serve: false };
        let script = script(&args, "C:\\Program Files\\it's\\iclock-cli.exe");
        assert!(script.contains("-Execute 'C:\\Program Files\\it''s\\iclock-cli.exe'"), "{script}");
        assert!(script.contains("\"sync --live --quiet\"") && script.contains("-TaskName iclock "), "{script}");
    }
}
