// Makes calls with the vendor's client and prints what it returned, as JSON.
//
//   node vendor_client.js URL KEY '[["ticket.getById", {"ticket_id": "BKT-001"}], …]'
const [url, authToken, calls] = process.argv.slice(2);

// The client knows three addresses, by the name of an environment; ours takes the place of the local one.
const endpoints = require('@periskope/periskope-client/dist/constants/endpoints');
endpoints.getRestBaseUri = () => url;
const { PeriskopeApi } = require('@periskope/periskope-client');

async function main() {
  const client = new PeriskopeApi({ authToken, phone: '918527184400', env: 'local' });
  const results = [];
  for (const [name, argument] of JSON.parse(calls)) {
    const [resource, method] = name.split('.');
    try {
      const { data, error, status } = await client[resource][method](argument);
      // An Error's own fields do not survive JSON.stringify.
      const told = error && { code: error.code, message: error.message, statusCode: error.statusCode };
      results.push({ data, error: told, status });
    } catch (thrown) {
      results.push({ thrown: thrown.name });
    }
  }
  console.log(JSON.stringify(results));
}

main();
