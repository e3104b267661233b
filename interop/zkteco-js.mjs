// Runs zkteco-js against simulated terminals and compares what it reads with the truth from the control port.
//
// usage: node zkteco-js.mjs PATH-TO-ICLOCK-CLI, beside a node_modules that has it

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { isDeepStrictEqual } from 'node:util'
import ZktecoJs from 'zkteco-js'
import ZktecoUdp from 'zkteco-js/src/zudp.js'

const PATIENCE = 10_000

// The library tells its progress on stdout.
const say = console.log
console.log = () => {}

/** A simulated terminal in a process of its own, and its control port. */
class Terminal {
    static async start(...args) {
        const terminal = new Terminal()
        terminal.process = spawn(process.argv[2],
            ['simulate', '--quiet', '--listen', '127.0.0.1:0', '--control', '127.0.0.1:0', ...args],
            { stdio: ['ignore', 'pipe', 'inherit'] })
        const said = createInterface({ input: terminal.process.stdout })[Symbol.asyncIterator]()
        const address = async () => (await said.next()).value.split(' ')[1].split(':')
        terminal.port = Number((await address())[1])
        const [host, port] = await address()
        terminal.socket = connect(Number(port), host)
        terminal.lines = createInterface({ input: terminal.socket })[Symbol.asyncIterator]()
        return terminal
    }

    async ask(what, fields = {}) {
        this.socket.write(JSON.stringify({ do: what, ...fields }) + '\n')
        const answer = JSON.parse((await this.lines.next()).value)
        if (!answer.ok) throw new Error(answer.error)
        return answer
    }

    /** Waits until some client has sent a command. */
    async askedFor(command) {
        const until = Date.now() + PATIENCE
        while (!(await this.ask('transcript')).packets.some(packet => packet.command === command)) {
            if (Date.now() > until) throw new Error(`nobody sent ${command}`)
        }
    }

    async stop() {
        this.socket.destroy()
        const exit = once(this.process, 'exit')
        this.process.kill()
        await exit
    }
}

function same(got, wanted, what) {
    if (isDeepStrictEqual(got, wanted)) return
    const at = Array.isArray(got) ? got.findIndex((item, place) => !isDeepStrictEqual(item, wanted[place])) : -1
    const pair = at < 0 ? [got, wanted] : [got[at], wanted[at]]
    throw new Error(`${what}: got ${JSON.stringify(pair[0])}, wanted ${JSON.stringify(pair[1])}`)
}

const two = number => String(number).padStart(2, '0')

/** A local time as the control port writes it. */
function text(time) {
    const date = new Date(time)
    return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ` +
        `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
}

/** A terminal and a connected client, and both ended however the work ends. */
async function tried(client, args, work) {
    const terminal = await Terminal.start(...args)
    const zk = client(terminal.port)
    try {
        await zk.createSocket()
        if (zk instanceof ZktecoUdp) await zk.connect()
        await work(terminal, zk)
        await zk.disconnect()
        const { commands } = await terminal.ask('stats')
        if (!('EXIT (1001)' in commands)) throw new Error('the session was not ended')
    } finally {
        await terminal.stop()
    }
}

const overTcp = port => new ZktecoJs('127.0.0.1', port, PATIENCE, 0)
const overUdp = port => new ZktecoUdp('127.0.0.1', port, PATIENCE, 0)

async function clock(terminal, zk) {
    const shown = async () => new Date((await terminal.ask('state')).clock)
    const apart = Math.abs(new Date(await zk.getTime()) - await shown())
    if (apart > 2000) throw new Error(`the clocks are ${apart} ms apart`)
    const wanted = new Date(2031, 11, 31, 23, 58, 1)
    await zk.setTime(wanted)
    const late = await shown() - wanted
    if (late < 0 || late > 5000) throw new Error(`set to ${wanted}, shows ${await shown()}`)
}

async function identity(terminal, zk) {
    const { options } = await terminal.ask('options')
    same(await zk.getSerialNumber(), options['~SerialNumber'], 'serial number')
    same(await zk.getDeviceName(), options['~DeviceName'], 'device name')
    same(await zk.getPlatform(), options['~Platform'], 'platform')
    same(await zk.getMacAddress(), options.MAC, 'MAC')
    same(await zk.getVendor(), options['~OEMVendor'], 'vendor')
    const state = await terminal.ask('state')
    const info = await zk.getInfo()
    same([info.userCounts, info.logCounts], [state.users, state.records], 'counts')
}

async function users72(terminal, zk) {
    const { data } = await zk.getUsers()
    const { users } = await terminal.ask('users')
    same(data.map(user => [user.uid, user.userId, user.name, user.role]),
        users.map(user => [user.uid, user.user_id, user.name, user.privilege]), 'users')
}

async function attendance40(terminal, zk) {
    const { data } = await zk.getAttendances()
    const { records } = await terminal.ask('records')
    same(data.map(record => [record.user_id, text(record.record_time), record.type, record.state]),
        records.map(row => [row.user_id, row.time, row.mode, row.state]), 'attendance')
}

async function live(terminal, zk) {
    let told
    const event = new Promise((resolve, reject) => {
        setTimeout(() => reject(new Error('no event came')), PATIENCE).unref()
        told = resolve
    })
    await zk.getRealTimeLogs(told)
    await terminal.askedFor(500)
    const [row] = (await terminal.ask('punch', { user_id: '1002', state: 1, mode: 15 })).punches
    const { userId, attTime } = await event
    return [row, userId, text(attTime)]
}

const tcp = (profile, records) => () =>
    tried(overTcp, ['--profile', profile, '--records', String(records), '--users', '30', '--seed', '9'],
        async (terminal, zk) => {
            await identity(terminal, zk)
            await attendance40(terminal, zk)
            await users72(terminal, zk)
            await clock(terminal, zk)
        })

// In a session of its own: a transfer leaves its listener on the socket, and the library listens to punches on sockets without.
const tcpLive = profile => () =>
    tried(overTcp, ['--profile', profile, '--records', '0', '--users', '30'], async (terminal, zk) => {
        const [row, userId, time] = await live(terminal, zk)
        same([userId, time], [row.user_id, row.time], 'live punch')
    })

// Over UDP the library decodes 28-byte users and 16-byte records, and returns nothing at all from a transfer of more than one
// packet (its handleChunkedData has no result): so the tables are small enough to come inline. Such a log it takes for 8-byte
// records, each of which it reads like the first half of 16 bytes: of two records that it gives the first is one.
const udp = () =>
    tried(overUdp, ['--profile', 'udp-only', '--records', '60', '--users', '30', '--seed', '9'], async (terminal, zk) => {
        const users = await zk.getUsers()
        const truth = (await terminal.ask('users')).users
        same(users.data.map(user => [user.uid, String(user.userId), user.name, user.role]),
            truth.map(user => [user.uid, user.user_id, user.name, user.privilege]), 'users')
        const { data } = await zk.getAttendances()
        const { records } = await terminal.ask('records')
        same(data.filter((_, place) => place % 2 === 0).map(record => [String(record.user_id), text(record.record_time)]),
            records.map(row => [row.user_id, row.time]), 'attendance')
        await clock(terminal, zk)
    })

// Its decoder of live punches over UDP takes the lowest byte of the uid and the time of the ten-byte form.
const udpLive = () =>
    tried(overUdp, ['--profile', 'bw8', '--users', '30', '--records', '0'], async (terminal, zk) => {
        const [row, userId, time] = await live(terminal, zk)
        same([userId, time], [row.uid, row.time], 'live punch')
    })

const CASES = {
    'tft40 over TCP': tcp('tft40', 700),
    'tft40 over TCP, a log that fits into one packet': tcp('tft40', 5),
    'tft40 over TCP, 5,000 records': tcp('tft40', 5000),
    'tft40-uid over TCP': tcp('tft40-uid', 700),
    'single-session over TCP': tcp('single-session', 700),
    'tft40 over TCP, live': tcpLive('tft40'),
    'tft40-uid over TCP, live': tcpLive('tft40-uid'),
    'udp-only': udp,
    'bw8 over UDP, live': udpLive,
}

// The library takes each read of its socket for one packet. A busy machine gives it two at once, whatever the simulator waits,
// and then it has lost one: not the terminal's fault, and not there the next time.
const TRIES = 3

let failed = 0
for (const [name, work] of Object.entries(CASES)) {
    for (let tried = 1; ; tried++) {
        try {
            await work()
            say(`test zkteco-js: ${name} ... ok${tried > 1 ? ` (try ${tried})` : ''}`)
            break
        } catch (error) {
            say(`zkteco-js: ${name}, try ${tried}: ${error?.err?.stack ?? error?.stack ?? error}`)
            if (tried < TRIES) continue
            failed += 1
            say(`test zkteco-js: ${name} ... FAILED`)
            break
        }
    }
}
const count = Object.keys(CASES).length
say(`test result: ${failed ? 'FAILED' : 'ok'}. ${count - failed} passed; ${failed} failed; 0 ignored`)
process.exit(failed ? 1 : 0)
