# RobustDARTS' space S2 (Zela et al., ICLR 2020, section 3).
operations = ['skip_connect', 'sep_conv_3x3']
