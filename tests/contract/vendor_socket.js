// Listens with the vendor's client, and prints what comes: a line of JSON for each event. Ends with its standard input.
//
//   node vendor_socket.js URL KEY PHONE EVENT…
const [url, authToken, phone, ...events] = process.argv.slice(2);

const endpoints = require('@periskope/periskope-client/dist/constants/endpoints');
endpoints.getRestBaseUri = () => url;
const { PeriskopeApi } = require('@periskope/periskope-client');

// What it logs is not what is asked for here.
const say = (...line) => process.stdout.write(`${JSON.stringify(line)}\n`);
console.log = () => {};
console.error = (_, error) => say('error', error.message);

const client = new PeriskopeApi({ authToken, phone, env: 'local' });
client.connect();
client.on('connect', () => say('connected'));
for (const event of events) client.on(event, (data) => say(event, data));

process.stdin.on('end', () => client.disconnect()).resume();
