// A plain socket.io server. It does what it is told to by lines of JSON on its standard input, and ends with that:
//
//   ["emit", "ticket.updated", {…}]   sends an event to all        ["ask", "x", {…}]   the same, and wants an answer
//   ["kick"]   has all of its clients disconnected                 ["drop"]   cuts their connections
//
//   node socket_server.js KEY
const { createServer } = require('http');
const { createInterface } = require('readline');
const { Server } = require('socket.io');

const key = process.argv[2];
const say = (...line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const http = createServer();
const io = new Server(http, { pingInterval: 100, pingTimeout: 10000 });

io.use((socket, next) => {
  const { authorization } = socket.handshake.headers;
  next(authorization === `Bearer ${key}` ? undefined : new Error('Invalid bearer auth token'));
});
io.on('connection', (socket) => {
  const { headers, query } = socket.handshake;
  say('connected', { phone: headers['x-phone'], transport: query.transport, auth: socket.handshake.auth });
  socket.conn.on('packet', (packet) => packet.type === 'pong' && say('pong'));
  socket.on('disconnect', (reason) => say('disconnected', reason));
});
http.listen(0, '127.0.0.1', () => say('listening', http.address().port));

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const [what, ...rest] = JSON.parse(line);
    if (what === 'emit') io.emit(...rest);
    if (what === 'ask') for (const socket of io.of('/').sockets.values()) socket.emit(...rest, () => say('answered'));
    if (what === 'kick') io.disconnectSockets();
    if (what === 'drop') for (const socket of io.of('/').sockets.values()) socket.conn.transport.socket._socket.destroy();
  })
  .on('close', () => io.close());
