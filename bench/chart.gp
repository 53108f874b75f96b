# SPDX-License-Identifier: MIT
# build/bench/chart.tsv (bench/run writes it) as a chart: a bar for each
# operation, as long as Lodge's part of what Xen takes, and both numbers. Each
# row of the file: its number, title, ratio, "Lodge / Xen".

table = "build/bench/chart.tsv"
set datafile separator "\t"
stats table using 1 nooutput
lines = int(STATS_max) + 1

set terminal svg size 1000, 18 * lines + 120 font "Helvetica,12" noenhanced \
	background rgb "white"
set output "build/bench/bench.svg"
set title "What Lodge takes where Debian's Xen 4.17 takes 100 % (instructions where nothing else is said)"
set style fill solid 1.0 noborder
set xrange [0:2]
set yrange [lines - 0.3:-0.7]
set xtics ("0" 0, "a third" 1.0 / 3, "half" 0.5, "Xen: 100 %%" 1, "200 %%" 2) nomirror
set grid xtics front linetype 1 linecolor rgb "#808080" linewidth 0.5
set ytics nomirror scale 0
unset key
set lmargin 52
colour(r) = r <= 0.34 ? 0x2a7f3f : r <= 0.5 ? 0x7fb069 : r <= 1 ? 0xd9a441 : 0xb5442e
plot table using ($3 / 2):1:($3 / 2):(0.38):(colour($3)):ytic(2) \
	with boxxyerror linecolor rgb variable, \
	table using ($3 + 0.02):1:4 with labels left font ",11"
