// Counts the suite's scenarios by feature: passed, not applicable (with the
// reason in not-applicable.json), failed. Exit code 1 when one failed.
import { existsSync, readFileSync } from 'node:fs'
import { execFileSync } from 'node:child_process'

const features = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const file = new URL('not-applicable.json', import.meta.url)
const excused = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {}
const commit = execFileSync('git', ['-C', process.argv[3], 'rev-parse', '--short', 'HEAD']).toString().trim()

let steps = 0, failed = []
const total = { passed: 0, excused: 0, failed: 0 }
console.log(`GovStackWorkingGroup/bb-payments ${commit}, test/openAPI, unchanged`)
console.log('feature'.padEnd(44), 'passed', 'n/a', 'failed')
for (const f of features) {
  const row = { passed: 0, excused: 0, failed: 0 }
  for (const s of f.elements) {
    const real = s.steps.filter(x => !x.hidden)
    steps += real.length
    const bad = s.steps.find(x => x.result.status !== 'passed')
    if (!bad) row.passed++
    else if (excused[s.name]) row.excused++
    else {
      row.failed++
      failed.push(`${f.name}\n  ${s.name}\n  ${bad.keyword}${bad.name}: ${(bad.result.error_message ?? bad.result.status).split('\n')[0]}`)
    }
  }
  for (const k in total) total[k] += row[k]
  console.log(f.uri.replace(/.*\//, '').padEnd(44), String(row.passed).padStart(6), String(row.excused).padStart(3), String(row.failed).padStart(6))
}
console.log(`${total.passed + total.excused + total.failed} scenarios, ${steps} steps: ${total.passed} passed, ${total.excused} not applicable, ${total.failed} failed`)
for (const [name, why] of Object.entries(excused)) console.log(`not applicable: ${name}: ${why}`)
for (const f of failed) console.log('FAILED ' + f)
process.exit(failed.length ? 1 : 0)
