# The texts of the pages. Each key stands in every catalogue; a test compares them.

skip = Skip to the content
menu = Pages
nav-overview = Overview
nav-terminals = Terminals
nav-events = Punches
nav-people = People
nav-reports = Reports
nav-quarantine = Quarantine
nav-unproven = Unproven logs
nav-sinks = Sinks
nav-pushing = Terminals that call
nav-settings = Settings
nav-access = Access
nav-api = API
log-out = Log out
no-script = Without JavaScript these pages can be read, but they do not update by themselves, and nothing can be changed.
to-overview = Back to the overview
login-title = Log in
login-new = Nobody has a password yet. On the computer where this runs, this makes a link to set one:
login-name = Name
login-password = Password
login-submit = Log in
login-wrong = The name or the password is wrong.
welcome-title = Set your password
welcome-text = Use at least 12 characters. A few words that you can remember are better than one that you have to write down.
welcome-link = Code from the link
welcome-password = New password
welcome-again = The same again
welcome-submit = Set the password
welcome-differs = The two passwords differ.
welcome-old = This link was used already, or is too old. Ask for another one: iclock-cli access link NAME
welcome-length = A password has 12 to 256 characters.
welcome-name = Your name is no password.
never = never
attention-title = Needs attention
attention-none = Nothing. Every punch is where it belongs.
attention-clock-hint = Set its clock: iclock-cli time set
attention-log-hint = Empty it once everything is stored: iclock-cli clear
attention-unproven-hint = Nothing is stored from a log that is not proven. Look at it, and decide.
attention-quarantine-hint = Each has its reason. Fix the cause, or mark it as dealt with.
attention-pushing-hint = Compare the serial number with the one on the terminal, and approve or refuse it.
attention-paused-hint = It is not read until somebody resumes it.
attention-paused-sink-hint = It gets nothing until somebody resumes it.
attention-disk-hint = Once the disk is full, nothing new is read. Make room.
today-title = Today
inside = in
inside-title = Who is in
search = Name, serial number or address
only-bad = Only those that fail
silent-for = Silent for
show = Show
terminal-name = Terminal
terminal-doing = Doing
terminal-fresh = Heard from
terminal-last-punch = Last punch
terminal-log = Its log
terminal-drift = Clock off by
terminal-waiting = Waiting records
terminal-serial = Serial number
terminal-address = Address
terminal-days = Punches of the last 30 days
terminal-feed = Latest punches
next-page = Next page
poll = Read now
poll-done = It is being read.
pause = Pause
pause-done = It is paused.
resume = Go on
resume-done = It goes on.
set-clock = Set its clock
set-clock-done = Its clock is right now.
held = Its users, and its room
held-title = What { $name } holds
held-users = Users
held-fingers = Fingerprints
held-faces = Faces
held-records = Attendance records
held-slot = Slot
held-rights = Rights
held-group = Group
held-user = user
held-administrator = administrator
activity-waiting = waiting for its turn
activity-connecting = connecting
activity-reading = being read
activity-recording = storing
activity-resting = fine
activity-listening = live
activity-down = not reached
activity-paused = paused
activity-pushing = calls by itself
activity-busy = busy
event-time = Time
event-user = User id
event-name = Name
event-terminal = Terminal
event-state = Declared
event-source = Came by
state-0 = in
state-1 = out
state-2 = break out
state-3 = break in
state-4 = overtime in
state-5 = overtime out
state-255 = nothing
any = any
from = From
to = To
export = Export all of these:
nothing = There is nothing.
person-events = Punches
person-first = First
person-last = Last
person-punches = All punches
previous-month = Month before
next-month = Month after
absent = absent
total-days = Days
total-worked = Hours
total-overtime = Overtime
total-late = Late
total-early = Left early
total-absent = Absent
total-missing = Missing punches
day-0 = Mon
day-1 = Tue
day-2 = Wed
day-3 = Thu
day-4 = Fri
day-5 = Sat
day-6 = Sun
month = Month
report-export = All punches of this month as CSV
quarantine-text = Records that were read, but not believed. None of them is lost, and none went to a sink.
quarantine-none = No record waits.
reason = Reason
record = Number
raw = Bytes
orders = Do
resolve = Dealt with
resolve-done = It is marked as dealt with.
resolve-note = Why is this record dealt with? It will never become a punch.
send-again = Send refused ones again
send-again-done = They are sent again.
terminal-readings = Last readings that brought records
reading-time = Read
reading-source = By
replay = Judge again
replay-done = The records are judged again.
unproven-text = Logs whose bytes could not be proven to be right. Nothing of them was stored; the next reading may well succeed.
unproven-none = Every log was proven.
bytes = Bytes
seen = Seen
accepted = accepted
log-waits = waits
log-title = Log { $count } of { $name }
log-text = Accept it only if its records are right. The good ones become punches; the others go to the quarantine.
log-layout = As records of the layout { $name }
log-good = records make sense
log-bad = do not
log-accept = Accept it as { $name }
log-serial = The serial number of the terminal, to accept its log:
log-done = It is accepted.
log-grade = Sense
log-none = Its bytes make sense in no known layout.
grade-good = good
grade-neutral = unclear
grade-bad = impossible
sink-name = Sink
sink-pending = Pending
sink-lag = Behind by
sink-fresh = Last success
sink-stored = Stored
sink-rejected = Refused
sink-held = Held
pushing-text = Terminals that call this server by themselves. Nothing of one that nobody has approved is stored; it keeps its records until then.
pushing-waiting = Waiting to be let in
pushing-none = None waits.
pushing-decided = Decided
pushing-state = State
approve = Approve
approve-done = It is let in with its next call.
deny = Refuse
deny-done = It is refused from now on.
commands = Commands
commands-title = Commands for { $name }
commands-text = A command waits until the terminal calls. These change nothing, but for a restart. All commands: iclock-cli push command
command = Command
command-queued = Given
command-result = Result
command-info = Ask what it is
command-upload = Ask for what is new
command-query = Ask for the punches of a period again
command-reboot = Restart it
command-done = It waits for the next call of the terminal.
command-waits = waits
command-sent = sent
command-answered = answered
command-expired = expired
command-unknown = sent; nobody knows if it was carried out
settings-text = The settings in force, and where each comes from. They are changed in the file; the program reads it again when it is told to.
settings-state = State directory
settings-free = Free on its disk
settings-ledger = Ledger
setting-name = Setting
setting-value = Value
setting-origin = From
access-text = Accounts and tokens are made and taken back by the command iclock-cli access. Neither passwords nor tokens are kept, only their hashes.
accounts = People
tokens = Programs
access-name = Name
access-role = Role
access-used = Last used
access-state = State
access-invited = has not set a password yet
access-expires = Ends
api-text = Programs read the same as these pages, and more. Its description for machines:
ago-seconds = { $count } s ago
ago-minutes = { $count } min ago
ago-hours = { $count } h ago
silent-hours = { $count ->
    [one] an hour
   *[other] { $count } hours
 }
ago-days = { $count ->
    [one] { $count } day ago
   *[other] { $count } days ago
 }
login-wait = Too many attempts. Wait { $count } s.
attention-terminal = { $name } cannot be read
attention-missing = { $name } does not call, or does not answer
attention-paused = { $name } is paused
attention-paused-sink = { $count ->
    [one] { $name } is paused; { $count } punch is pending
   *[other] { $name } is paused; { $count } punches are pending
 }
attention-clock = The clock of { $name } is off by { $count } s
attention-log = The log of { $name } is { $count } % full
attention-sink = { $count ->
    [one] { $name } takes nothing; { $count } punch is pending
   *[other] { $name } takes nothing; { $count } punches are pending
 }
attention-unproven = { $count ->
    [one] { $count } log could not be proven
   *[other] { $count } logs could not be proven
 }
attention-quarantine = { $count ->
    [one] { $count } record waits in the quarantine
   *[other] { $count } records wait in the quarantine
 }
attention-pushing = { $count ->
    [one] { $count } terminal waits to be let in
   *[other] { $count } terminals wait to be let in
 }
attention-disk = Only { $count } MiB are free on the disk
punches-count = { $count ->
    [one] punch
   *[other] punches
 }
people-count = { $count ->
    [one] person
   *[other] people
 }
chart-hours = Punches by hour; the most in an hour: { $count }
chart-days = Punches by day; the most on a day: { $count }
and-more = and { $count } more
pending-count = { $count ->
    [one] { $count } punch pending
   *[other] { $count } punches pending
 }
terminals-count = { $count ->
    [one] { $count } terminal
   *[other] { $count } terminals
 }
failing-since = { $count ->
    [one] It began { $name }; { $count } attempt failed.
   *[other] It began { $name }; { $count } attempts failed.
 }
missing-count = { $count ->
    [one] { $count } missing punch
   *[other] { $count } missing punches
 }
waiting-count = { $count ->
    [one] { $count } record waits
   *[other] { $count } records wait
 }
