import { Bench } from 'tinybench'

const values = Array.from({ length: 4096 }, (_, i) => i)
const bench = new Bench({ time: 50 })
bench.add('sum', () => values.reduce((total, value) => total + value, 0))
await bench.run()
console.log(JSON.stringify(bench.tasks.map(({ name, result }) => ({ name, result }))))
