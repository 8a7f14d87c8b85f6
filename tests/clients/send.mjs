// Send each file in two pieces, chunked, over one connection: node send.mjs BASE PLAN
import fs from "node:fs"
import http from "node:http"

const [base, plan] = process.argv.slice(2)
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
const where = base.startsWith("unix:") ? { socketPath: base.slice(5) }
  : { host: base.split(":")[0], port: base.split(":")[1] }
for (const line of fs.readFileSync(plan, "utf8").trim().split("\n")) {
  const [path, file] = line.split("\t")
  const body = fs.readFileSync(file)
  const status = await new Promise((resolve, reject) => {
    const request = http.request({ ...where, agent, path, method: "POST" }, (answer) => {
      answer.resume().on("end", () => resolve(answer.statusCode))
    })
    request.on("error", reject)
    request.write(body.subarray(0, 10))
    request.end(body.subarray(10))
  })
  console.log(status)
}
agent.destroy()
