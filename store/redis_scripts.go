package store

import "github.com/redis/go-redis/v9"

// What must happen at once happens in scripts. All keys of one call have the
// same owner.

// writeScript puts the effects of a batch. It refuses if the epoch is not in
// force, and if it does not follow on the position at which they were worked
// out. A script that is sent again after its answer was lost does nothing.
//
//	KEYS state tickets names texts feed
//	ARGV epoch holder at next, numbers of entries (removed tickets, tickets,
//	     names, texts, marks), entries in this order
var writeScript = redis.NewScript(`
local state = redis.call('HMGET', KEYS[1], 'position', 'epoch', 'holder')
local at, epoch, holder = state[1] or '', state[2] or '0', state[3] or ''
if ARGV[4] ~= '' and at == ARGV[4] then return 'ok' end
if epoch ~= ARGV[1] or (epoch ~= '0' and holder ~= ARGV[2]) then return 'lost' end
if at ~= ARGV[3] then return 'behind' end
if ARGV[4] == '' then return 'ok' end

local next, touched, named = 10, {}, {}
local function each(n, step, command, key, list)
	local last = next + n * step - 1
	if list then
		for i = next, last, step do list[#list + 1] = ARGV[i] end
	end
	for i = next, last, 1000 do
		redis.call(command, key, unpack(ARGV, i, math.min(i + 999, last)))
	end
	next = last + 1
end
each(tonumber(ARGV[5]), 1, 'HDEL', KEYS[2], touched)
each(tonumber(ARGV[6]), 2, 'HSET', KEYS[2], touched)
each(tonumber(ARGV[7]), 2, 'HSET', KEYS[3], named)
each(tonumber(ARGV[8]), 1, 'RPUSH', KEYS[4])
each(tonumber(ARGV[9]), 2, 'HSET', KEYS[1])
redis.call('HSET', KEYS[1], 'position', ARGV[4])
redis.call('XADD', KEYS[5], 'MAXLEN', '~', 1000, ARGV[4], 't', cmsgpack.pack(touched), 'n', cmsgpack.pack(named))
return 'ok'
`)

// readScript reads what was touched after a position, at most the given number
// of batches: 'same', if nothing was; 'gone', if the position is not known
// (any more), with the watermark; or 'some' or 'all' with the last position
// read, UIDs, their values, ids, their names, new texts and the marks.
//
//	KEYS state tickets names texts feed
//	ARGV at, number of known texts, batches
var readScript = redis.NewScript(`
local state = redis.call('HMGET', KEYS[1], 'position', 'watermark', 'scope', 'census')
if (state[1] or '') == ARGV[1] then return {'same'} end
local entries = {}
if ARGV[1] ~= '' then
	entries = redis.call('XRANGE', KEYS[5], ARGV[1], '+', 'COUNT', tonumber(ARGV[3]) + 1)
end
if #entries == 0 or entries[1][1] ~= ARGV[1] then return {'gone', state[2]} end

local function gather(field)
	local list, seen = {}, {}
	for i = 2, #entries do
		for _, key in ipairs(cmsgpack.unpack(entries[i][2][field])) do
			if not seen[key] then
				seen[key] = true
				list[#list + 1] = key
			end
		end
	end
	return list
end
local function values(key, list)
	local all = {}
	for i = 1, #list, 1000 do
		for _, value in ipairs(redis.call('HMGET', key, unpack(list, i, math.min(i + 999, #list)))) do
			all[#all + 1] = value
		end
	end
	return all
end
local uids, ids, last = gather(2), gather(4), entries[#entries][1]
return {last == state[1] and 'all' or 'some', last,
	uids, values(KEYS[2], uids), ids, values(KEYS[3], ids), redis.call('LRANGE', KEYS[4], ARGV[2], -1),
	state[2], state[3], state[4]}
`)

// emptyScript removes the facts of a connector before they are put anew.
//
//	KEYS state tickets names texts feed
//	ARGV epoch holder
var emptyScript = redis.NewScript(`
local state = redis.call('HMGET', KEYS[1], 'epoch', 'holder')
if state[1] ~= ARGV[1] or state[2] ~= ARGV[2] then return 'lost' end
redis.call('UNLINK', KEYS[2], KEYS[3], KEYS[4], KEYS[5])
redis.call('HDEL', KEYS[1], 'position', 'watermark', 'scope', 'census')
return 'ok'
`)

// acquireScript takes or renews a lease and returns its epoch, or 0 if another
// has it. A new epoch is at least the time, so that it is new even to a Redis
// that has forgotten the ones before.
//
//	KEYS state
//	ARGV holder, epoch that is to be renewed, milliseconds
var acquireScript = redis.NewScript(`
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local state = redis.call('HMGET', KEYS[1], 'holder', 'epoch', 'until')
local holder, epoch = state[1] or '', tonumber(state[2] or '0')
if holder ~= '' and holder ~= ARGV[1] and tonumber(state[3]) > now then return 0 end
if holder ~= ARGV[1] or epoch ~= tonumber(ARGV[2]) then epoch = math.max(epoch + 1, now) end
redis.call('HSET', KEYS[1], 'holder', ARGV[1], 'epoch', string.format('%.0f', epoch), 'until', string.format('%.0f', now + ARGV[3]))
return epoch
`)

// heldScript says whether another replica has the lease.
//
//	KEYS state
//	ARGV holder
var heldScript = redis.NewScript(`
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local state = redis.call('HMGET', KEYS[1], 'holder', 'until')
local holder = state[1] or ''
return (holder ~= '' and holder ~= ARGV[1] and tonumber(state[2]) > now) and 1 or 0
`)

// releaseScript ends a lease that is held. The epoch stays.
//
//	KEYS state
//	ARGV holder
var releaseScript = redis.NewScript(`
if redis.call('HGET', KEYS[1], 'holder') == ARGV[1] then redis.call('HDEL', KEYS[1], 'holder', 'until') end
return 'ok'
`)

// appendScript adds records whose keys are new and returns how many of them
// have the random number that came with it: they are new even if the script
// was sent before and its answer was lost. -1 if another record than the given
// one is the last.
//
//	KEYS records keys
//	ARGV random number, id of the last record or *, then for each record:
//	     log and key, log, value
var appendScript = redis.NewScript(`
local last, added, again = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1), 0, false
local id = last[1] and last[1][1] or ''
for i = 3, #ARGV, 3 do
	again = again or redis.call('HGET', KEYS[2], ARGV[i]) == ARGV[1]
end
if ARGV[2] ~= '*' and ARGV[2] ~= id and not again then return -1 end
local n = tonumber(string.match(id, '^%d+') or '0')
for i = 3, #ARGV, 3 do
	if redis.call('HSETNX', KEYS[2], ARGV[i], ARGV[1]) == 1 then
		n = n + 1
		redis.call('XADD', KEYS[1], string.format('%.0f-%s', n, ARGV[1]), 'l', ARGV[i + 1], 'v', ARGV[i + 2])
	end
	if redis.call('HGET', KEYS[2], ARGV[i]) == ARGV[1] then added = added + 1 end
end
return added
`)

// replicasScript notes a sign of life and counts who gave one lately.
//
//	KEYS replicas
//	ARGV holder, milliseconds, milliseconds until it is forgotten
var replicasScript = redis.NewScript(`
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[3])
return redis.call('ZCOUNT', KEYS[1], now - ARGV[2], '+inf')
`)
