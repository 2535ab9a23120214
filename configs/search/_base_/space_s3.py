# RobustDARTS' space S3 (Zela et al., ICLR 2020, section 3).
operations = ['none', 'skip_connect', 'sep_conv_3x3']
