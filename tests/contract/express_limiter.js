// A service that answers tickets behind express-rate-limit, which is nobody's of ours, and tells how often it said what.
//
// node express_limiter.js LIMIT WINDOW_MS HEADERS BODY: prints its port; `GET /` answers {status: how often}.
// HEADERS is what the middleware calls it: legacy, draft-6, draft-7 or draft-8. BODY has %ID% where the id stands.
const express = require("express")
const { rateLimit } = require("express-rate-limit")

const [limit, windowMs, headers, body] = process.argv.slice(2)
const answered = {}
const app = express()
app.get("/", (_, response) => response.json(answered))
app.use((_, response, next) => {
  response.on("finish", () => (answered[response.statusCode] = (answered[response.statusCode] ?? 0) + 1))
  next()
})
app.use(
  rateLimit({
    limit: Number(limit),
    windowMs: Number(windowMs),
    legacyHeaders: headers === "legacy",
    standardHeaders: headers === "legacy" ? false : headers,
  }),
)
app.get("/tickets/:id", (request, response) =>
  response.type("json").send(body.replaceAll("%ID%", request.params.id)),
)
const server = app.listen(0, "127.0.0.1", () => console.log(server.address().port))
